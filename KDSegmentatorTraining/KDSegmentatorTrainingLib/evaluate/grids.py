"""The grid on which two nodes are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

import numpy as np
import numpy.typing as npt

import slicer
from kdseg.errors import GeometryError
from KDSegmentatorLib.effect.grid import grid_matrix, transform_between
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import vtk_matrix
from KDSegmentatorTrainingLib.evaluate.sources import grid_of, shape_of_grid

SAME_GRID_TOLERANCE_MM = 1e-2
"""Largest distance between the same corner of two grids that count as one, in mm; as when files are compared."""


@dataclass(frozen=True)
class CommonGrid:
    """Where two nodes are compared.

    Attributes
    ----------
    grid
        A ``vtkOrientedImageData`` in the frame of the reference.
    transform
        From the frame of the prediction to that of the reference; None if they are the same.
    note
        What was done to compare them; empty where nothing had to be done.
    """

    grid: Any
    transform: Optional[Any] = None
    note: str = ""


def common_grid(prediction: Any, reference: Any, *, resample: bool) -> CommonGrid:
    """Return the grid of the reference, grown to hold the prediction where both are parts of one lattice.

    Parameters
    ----------
    prediction, reference
        Segmentations or label maps.
    resample
        Bring the prediction onto another lattice by nearest neighbours.

    Raises
    ------
    GeometryError
        If the two lie on different lattices or under different transforms and ``resample`` is False.
    InputError
        If one of them is empty.
    """
    ours, theirs = grid_of(prediction), grid_of(reference)
    same_frame = prediction.GetParentTransformNode() is reference.GetParentTransformNode()
    shift = _shift(ours, theirs) if same_frame else None
    if shift is not None:
        return CommonGrid(_grown(theirs, ours, shift))
    if not resample:
        raise _different(prediction, reference, same_frame=same_frame)
    note = _("The segmentation was resampled to the reference's grid by nearest neighbours; what lies outside was left out.")
    return CommonGrid(theirs, transform_between(prediction, reference), note)


def lps_geometry(grid: Any) -> Tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the steps from voxel to voxel (columns i, j, k) and the centre of the first voxel, in LPS and mm."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid_matrix(grid)
    extent = grid.GetExtent()
    first = lps @ np.array([extent[0], extent[2], extent[4], 1.0])
    return lps[:3, :3], first[:3]


def _shift(ours: Any, theirs: Any) -> Optional[Tuple[int, int, int]]:
    """Return the index in ``theirs`` of the voxel (0, 0, 0) of ``ours``, if both are parts of one lattice."""
    matrix, other = grid_matrix(ours), grid_matrix(theirs)
    index = np.linalg.solve(other, matrix[:, 3])[:3]
    whole = np.rint(index)
    moved = other.copy()
    moved[:3, 3] = (other @ np.array([*whole, 1.0]))[:3]
    i0, i1, j0, j1, k0, k1 = ours.GetExtent()
    corners = np.array([[i, j, k, 1.0] for i in (i0, i1 + 1) for j in (j0, j1 + 1) for k in (k0, k1 + 1)]).T
    apart_mm = np.linalg.norm(((matrix - moved) @ corners)[:3], axis=0).max()
    if apart_mm > SAME_GRID_TOLERANCE_MM:
        return None
    return int(whole[0]), int(whole[1]), int(whole[2])


def _grown(grid: Any, other: Any, shift: Tuple[int, int, int]) -> Any:
    """Return ``grid`` with an extent that also holds ``other``."""
    ours, theirs = grid.GetExtent(), other.GetExtent()
    extent = []
    for axis in range(3):
        extent.append(min(ours[2 * axis], theirs[2 * axis] + shift[axis]))
        extent.append(max(ours[2 * axis + 1], theirs[2 * axis + 1] + shift[axis]))
    grown = slicer.vtkOrientedImageData()
    grown.SetExtent(*extent)
    grown.SetImageToWorldMatrix(vtk_matrix(grid_matrix(grid)))
    return grown


def _different(prediction: Any, reference: Any, *, same_frame: bool) -> GeometryError:
    remedy = _("Check “Resample” to bring the segmentation onto the grid of the reference by nearest neighbours.")
    if not same_frame:
        return GeometryError(
            _("Segmentation and reference lie under different transforms."),
            expected=_transform_name(reference),
            found=_transform_name(prediction),
            path=prediction.GetName(),
            remedy=_("Put both under the same transform, or harden the transforms.") + " " + remedy,
        )
    return GeometryError(
        _("Segmentation and reference lie on different grids."),
        expected=_grid_text(grid_of(reference)),
        found=_grid_text(grid_of(prediction)),
        path=prediction.GetName(),
        remedy=remedy,
    )


def _transform_name(node: Any) -> str:
    transform = node.GetParentTransformNode()
    return _("no transform") if transform is None else str(transform.GetName())


def _grid_text(grid: Any) -> str:
    steps, first = lps_geometry(grid)
    spacing = np.linalg.norm(steps, axis=0)
    size = " × ".join(str(number) for number in shape_of_grid(grid))
    return _("{size} voxels of {spacing} mm, the first at {first} mm (LPS)").format(
        size=size, spacing=" × ".join(f"{value:.4g}" for value in spacing), first=", ".join(f"{v:.2f}" for v in first)
    )
