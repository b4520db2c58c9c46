"""The volume that every subject segments: the user's files, or a synthetic one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import ConfigurationError, PathLike
from kdseg.geometry import Geometry
from kdseg.plans.parser import median_training_image
from kdseg_training.profiling.request import LARGEST_AXIS, SyntheticVolume
from kdseg_training.profiling.results import VolumeFacts

NNUNET_ENDINGS = (".nii.gz", ".nii")
"""Files that every reader of nnU-Net takes as they are."""

_BLOBS = 12
_SEED = 0


def typical_volume(plans: Mapping[str, Any]) -> Optional[SyntheticVolume]:
    """Return the median volume of the training data (cropped to what is not 0), as ``plans.json`` tells; else None."""
    image = median_training_image(plans)
    backward = plans.get("transpose_backward", [0, 1, 2])
    if image is None or not isinstance(backward, list) or sorted(backward) != [0, 1, 2]:
        return None
    shape, spacing = image
    z, y, x = (min(LARGEST_AXIS, max(1, round(shape[axis]))) for axis in backward)
    sz, sy, sx = (spacing[axis] for axis in backward)
    return SyntheticVolume((z, y, x), (sx, sy, sz))


def write_synthetic(volume: SyntheticVolume, channels: int, folder: Path) -> Tuple[Path, ...]:
    """Write one NIfTI file for each channel and return their paths."""
    paths = []
    for channel in range(channels):
        path = folder / f"volume_{channel:04d}.nii.gz"
        _write_nifti(synthetic_voxels(volume.shape_zyx, _SEED + channel), _geometry(volume), path)
        paths.append(path)
    return tuple(paths)


def synthetic_voxels(shape_zyx: Sequence[int], seed: int) -> npt.NDArray[np.int16]:
    """Return smooth bright blobs in noise, never 0, so that no border is cropped; computed slice by slice."""
    random = np.random.default_rng(seed)
    depth, height, width = shape_zyx
    centres = random.uniform(0.1, 0.9, (_BLOBS, 3)) * shape_zyx
    radii = random.uniform(0.05, 0.2, (_BLOBS, 3)) * shape_zyx + 1
    heights = random.uniform(200, 1000, _BLOBS)
    y, x = np.ogrid[:height, :width]
    voxels = np.empty((depth, height, width), dtype=np.int16)
    for z in range(depth):
        plane = 400 + 30 * random.standard_normal((height, width), dtype=np.float32)
        for centre, radius, bright in zip(centres, radii, heights):
            distance = ((y - centre[1]) / radius[1]) ** 2 + ((x - centre[2]) / radius[2]) ** 2
            plane += bright * np.exp(-distance - ((z - centre[0]) / radius[0]) ** 2)
        voxels[z] = np.maximum(plane, 1)
    return voxels


def stage_files(paths: Sequence[str], folder: Path, *, for_nnunet: bool) -> Tuple[Tuple[Path, ...], VolumeFacts, List[str]]:
    """Check the user's files and return what the subjects read, what it is, and notes for people.

    Raises
    ------
    InputError
        If they cannot be read as one volume.
    """
    from kdseg.io import read_volume

    volume = read_volume([str(path) for path in paths], strict=False)
    geometry = volume.geometry
    facts = VolumeFacts(", ".join(paths), geometry.shape, geometry.spacing_mm, int(volume.voxels.shape[0]))
    originals = tuple(Path(path).absolute() for path in paths)
    if not for_nnunet or all(path.name.lower().endswith(NNUNET_ENDINGS) for path in originals):
        return originals, facts, []
    staged = []
    for channel, voxels in enumerate(volume.voxels):
        staged.append(folder / f"volume_{channel:04d}.nii.gz")
        _write_nifti(voxels, geometry, staged[-1])
    return tuple(staged), facts, ["The volume was copied to NIfTI first, because stock nnU-Net does not read it as it is."]


def read_volume_list(path: PathLike) -> List[str]:
    """Return the image files, one for each channel, that the profiler listed in a JSON file."""
    paths: List[str] = json.loads(Path(path).read_bytes())
    return paths


def synthetic_facts(volume: SyntheticVolume, channels: int) -> VolumeFacts:
    """Return the facts of a synthetic volume."""
    return VolumeFacts("", volume.shape_zyx, volume.spacing_mm, channels)


def no_volume(path: str) -> ConfigurationError:
    """Return the error for plans that tell of no typical volume."""
    return ConfigurationError(
        "The plans do not say how large a typical volume is.",
        path=path,
        remedy="Choose a volume; on the command line with --volume, or with --shape and --spacing.",
    )


def _geometry(volume: SyntheticVolume) -> Geometry:
    return Geometry(volume.shape_zyx, volume.spacing_mm)


def _write_nifti(voxels: npt.NDArray[Any], geometry: Geometry, path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing([float(s) for s in geometry.spacing_mm])
    image.SetOrigin([float(c) for c in geometry.origin_mm])
    image.SetDirection([float(c) for c in np.asarray(geometry.direction).ravel()])
    SimpleITK.WriteImage(image, str(path), True)
