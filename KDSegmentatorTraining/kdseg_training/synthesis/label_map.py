"""Label maps as the generator takes them: compact, in RAS order, kept in files that are read as data only."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import numpy as np
import numpy.typing as npt

from kdseg.atomic import atomic_path
from kdseg.errors import TrainingDataError
from kdseg_training.synthesis.anatomy import Anatomy

ORIENTATION = "RAS"
"""Axes of label maps and samples, as in SimpleITK: x grows to the right, y to the front, z upwards."""

LARGEST_VOXELS = 2**30
"""No label map has more."""


@dataclass(frozen=True)
class LabelMap:
    """One head.

    Attributes
    ----------
    name
        Of the case.
    voxels
        Position of each voxel's label in the anatomy, uint8 (z, y, x), axes as :data:`ORIENTATION` says.
    spacing_mm
        Along z, y, x.
    centre
        Centre of the structures that skull stripping leaves, in voxels (z, y, x).
    """

    name: str
    voxels: npt.NDArray[np.uint8]
    spacing_mm: Tuple[float, float, float]
    centre: Tuple[float, float, float]


def read_label_map(path: Path, name: str, anatomy: Anatomy) -> LabelMap:
    """Read a label map from an image file and turn it into RAS order.

    Raises
    ------
    TrainingDataError
        If the file cannot be read, is no 3-D label map, or has labels that the anatomy does not describe.
    """
    import SimpleITK as sitk  # noqa: N813 (its own documentation's name)

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        found = str(error).strip().splitlines()[-1][:200]
        raise TrainingDataError("The label map cannot be read.", expected="an image file", found=found, path=path) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        found = f"{image.GetDimension()} axes, {image.GetNumberOfComponentsPerPixel()} components"
        raise TrainingDataError("This is no label map.", expected="3 axes, 1 component", found=found, path=path)
    image = sitk.DICOMOrient(image, ORIENTATION)
    values = sitk.GetArrayFromImage(image)
    if not np.array_equal(values, np.round(values)) or values.min() < 0:
        raise TrainingDataError("This is no label map.", expected="whole numbers from 0 on", found="others", path=path)
    x, y, z = image.GetSpacing()
    return build_label_map(name, anatomy.compact(values.astype(np.int64), path), (z, y, x), anatomy, path)


def build_label_map(
    name: str, voxels: npt.NDArray[np.uint8], spacing_mm: Tuple[float, float, float], anatomy: Anatomy, source: Path
) -> LabelMap:
    """Cut a compact label map to what is not background, with a voxel around it, and find its centre.

    Raises
    ------
    TrainingDataError
        If it has no structure that is segmented and inside.
    """
    if not (np.asarray(anatomy.target) * ~np.asarray(anatomy.outside))[voxels].any():
        raise TrainingDataError("The label map has nothing to segment.", expected="at least one structure", path=source)
    box = _bounding_box(voxels > 0)
    cut = np.pad(voxels[box], 1)
    inner = (np.asarray(anatomy.target) > 0) & ~np.asarray(anatomy.outside)
    structures = _bounding_box(inner[cut])
    z, y, x = ((s.start + s.stop - 1) / 2 for s in structures)
    return LabelMap(name, cut, spacing_mm, (z, y, x))


def save_label_map(label_map: LabelMap, path: Path) -> None:
    """Write a compact label map."""
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            voxels=label_map.voxels,
            spacing_mm=np.asarray(label_map.spacing_mm, dtype=np.float64),
            centre=np.asarray(label_map.centre, dtype=np.float64),
        )


def load_label_map(path: Path, anatomy: Anatomy) -> LabelMap:
    """Read a compact label map.

    Raises
    ------
    TrainingDataError
        If it is missing, damaged, or was prepared with another anatomy.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            voxels, spacing, centre = file["voxels"], file["spacing_mm"], file["centre"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}"[:200]) from error
    if voxels.dtype != np.uint8 or voxels.ndim != 3 or not 0 < voxels.size <= LARGEST_VOXELS:
        raise _unusable(path, f"{voxels.dtype} {voxels.shape}")
    if spacing.shape != (3,) or centre.shape != (3,) or not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise _unusable(path, f"spacing {spacing}, centre {centre}")
    if int(voxels.max()) >= len(anatomy.labels):
        raise _unusable(path, f"label number {int(voxels.max())} of {len(anatomy.labels)}")
    s, c = [float(v) for v in spacing], [float(v) for v in centre]
    return LabelMap(path.stem, voxels, (s[0], s[1], s[2]), (c[0], c[1], c[2]))


def _bounding_box(mask: npt.NDArray[np.bool_]) -> Tuple[slice, ...]:
    box = []
    for axis in range(mask.ndim):
        present = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(present[0]), int(present[-1]) + 1))
    return tuple(box)


def _unusable(path: Path, found: str) -> TrainingDataError:
    return TrainingDataError(
        "A prepared label map cannot be used.",
        expected="a file that kdseg-training synthesize wrote for this anatomy",
        found=found,
        path=path,
        remedy="Run kdseg-training synthesize again.",
    )
