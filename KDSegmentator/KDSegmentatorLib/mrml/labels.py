"""Label maps: from a file to an image that segments can share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from kdseg.errors import PathLike, WorkerError
from kdseg.segmentation import LabelEntry
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import geometry_of, ijk_to_ras, vtk_matrix

SAME_GRID_TOLERANCE_MM = 1e-2
"""Largest distance between the same corner of label map and volume, in mm."""

_VTK_TYPES = {"u1": vtk.VTK_UNSIGNED_CHAR, "u2": vtk.VTK_UNSIGNED_SHORT}


@dataclass(frozen=True)
class LabelMap:
    """Labels as they were read.

    Attributes
    ----------
    voxels
        Shape (k, j, i), uint8 or uint16.
    counts
        Number of voxels of every label value of that type.
    """

    voxels: npt.NDArray[Any]
    counts: npt.NDArray[np.int64]


def read_labels(path: PathLike, entries: Sequence[LabelEntry], volume_node: Any) -> LabelMap:
    """Read a label map and check that it belongs to the volume and to the student.

    Raises
    ------
    WorkerError
        If it lies on another grid than the volume, is not uint8 or uint16, or holds a label without an entry.
    InputError
        If the file is missing or damaged.
    """
    from kdseg.io.findings import FindingLog
    from kdseg.io.volume_file import read_volume_file

    decoded = read_volume_file(Path(path), FindingLog(strict=True))
    grid = geometry_of(volume_node)
    if not decoded.geometry.is_close(grid, SAME_GRID_TOLERANCE_MM):
        raise WorkerError(
            _("The result does not lie on the grid of the volume."),
            expected=str(grid),
            found=str(decoded.geometry),
            path=volume_node.GetName(),
            remedy=_("Do not change the volume while it is segmented; segment it again."),
        )
    if decoded.voxels.dtype.str[1:] not in _VTK_TYPES:
        raise WorkerError(_("The result is not a label map."), expected="uint8, uint16", found=str(decoded.voxels.dtype))
    labels = LabelMap(decoded.voxels, _counts(decoded.voxels))
    known = {0, *(entry.value for entry in entries)}
    unknown = sorted(set(np.flatnonzero(labels.counts).tolist()) - known)
    if unknown:
        raise WorkerError(
            _("The result holds labels that the student does not know."), expected=str(sorted(known)), found=str(unknown)
        )
    return labels


def label_image(labels: LabelMap, values: Sequence[int], volume_node: Any) -> Any:
    """Return a ``vtkOrientedImageData`` on the grid of the volume that holds the labels ``values`` and 0 elsewhere."""
    image = slicer.vtkOrientedImageData()
    image.SetExtent(volume_node.GetImageData().GetExtent())
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(volume_node)))
    image.AllocateScalars(_VTK_TYPES[labels.voxels.dtype.str[1:]], 1)
    scalars = image.GetPointData().GetScalars()
    view = vtk_to_numpy(scalars).reshape(labels.voxels.shape)
    kept = np.zeros(labels.counts.size, dtype=labels.voxels.dtype)
    kept[list(values)] = list(values)
    for source, target in zip(labels.voxels, view):
        np.take(kept, source, out=target, mode="clip")  # every label is in range; "raise" would make a copy
    scalars.Modified()
    return image


def _counts(voxels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    length = int(np.iinfo(voxels.dtype).max) + 1
    counts = np.zeros(length, dtype=np.int64)
    for plane in voxels:
        counts += np.bincount(plane.ravel(), minlength=length)
    return counts
