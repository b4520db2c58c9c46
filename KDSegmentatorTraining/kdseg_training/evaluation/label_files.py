"""Read a label map: an image file whose voxels are whole numbers; an empty one is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import InputError, PathLike
from kdseg.io.findings import Finding, FindingLog
from kdseg.io.volume_file import read_volume_file
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.segment_names import segment_names
from kdseg_training.metrics.label_maps import LARGEST_LABEL


@dataclass(frozen=True)
class LabelFile:
    """A label map and what was learnt while reading it.

    Attributes
    ----------
    path
        The file.
    segmentation
        Labels of shape (z, y, x), uint8 or uint16, on their grid; without entries.
    names
        Names of segments by value, where the file has them (``.seg.nrrd``).
    findings
        Harmless faults of the file.
    """

    path: str
    segmentation: Segmentation
    names: Mapping[int, str] = field(default_factory=dict)
    findings: Tuple[Finding, ...] = ()


def read_label_map(path: PathLike) -> LabelFile:
    """Read ``.nii``, ``.nii.gz``, ``.nrrd``, ``.seg.nrrd`` (one layer) or ``.mha``.

    Raises
    ------
    VolumeFileError, GeometryError
        As :func:`kdseg.io.read_volume` raises them.
    InputError
        If a voxel is not a whole number from 0 to 65535, or the file has several layers.
    """
    names = segment_names(path)
    log = FindingLog(strict=False)
    decoded = read_volume_file(Path(path), log)
    segmentation = Segmentation(as_labels(decoded.voxels, path), decoded.geometry, entries=())
    return LabelFile(str(path), segmentation, names, log.findings)


def as_labels(voxels: npt.NDArray[Any], path: PathLike) -> npt.NDArray[Any]:
    """Return whole numbers from 0 to 65535 in the smallest unsigned type; of any type in the file, floating point too.

    Raises
    ------
    InputError
        If a voxel is another number.
    """
    low, high = voxels.min(), voxels.max()
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0 or high > LARGEST_LABEL:
        raise _not_labels(path, f"values from {low:g} to {high:g}")
    labels = voxels.astype(np.uint8 if high <= 255 else np.uint16, copy=False)
    if voxels.dtype.kind == "f" and not np.array_equal(labels, voxels):
        fraction = voxels[labels != voxels][0]
        raise _not_labels(path, f"the value {fraction:g}")
    return labels


def _not_labels(path: PathLike, found: str) -> InputError:
    return InputError(
        "The file is no label map.",
        expected=f"whole numbers from 0 to {LARGEST_LABEL}",
        found=found,
        path=path,
        remedy="Give the segmentation, not the image or a map of probabilities; resample labels with nearest neighbours.",
    )
