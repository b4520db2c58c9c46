"""Where the voxels of a volume node lie: Slicer's IJK and RAS, and the runtime's geometry.

Everything here is in the node's own frame: a parent transform is left out, because the result goes under the same one.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import numpy.typing as npt
import vtk

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from KDSegmentatorLib.i18n import _

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns RAS positions into LPS and back."""


def ijk_to_ras(volume_node: Any) -> npt.NDArray[np.float64]:
    """Return the matrix from voxel indices (i, j, k, 1) to RAS positions in mm, shape (4, 4), without the parent transform."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def vtk_matrix(values: npt.NDArray[np.float64]) -> Any:
    """Return a ``vtkMatrix4x4`` with ``values`` of shape (4, 4)."""
    matrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            matrix.SetElement(row, column, float(values[row, column]))
    return matrix


def first_voxel(volume_node: Any) -> Tuple[int, int, int]:
    """Return the indices (i, j, k) of the first voxel that is stored; (0, 0, 0) but for cropped images."""
    extent = volume_node.GetImageData().GetExtent()
    return extent[0], extent[2], extent[4]


def lps_steps(volume_node: Any) -> Tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the step from voxel to voxel, one column for each index axis, and the first stored voxel; both in LPS and mm."""
    lps = LPS_FROM_RAS @ ijk_to_ras(volume_node)
    return lps[:3, :3], (lps @ np.array([*first_voxel(volume_node), 1.0]))[:3]


def geometry_of(volume_node: Any) -> Geometry:
    """Return the grid of a volume node as the runtime describes it: LPS, in mm, starting at the first stored voxel.

    Raises
    ------
    GeometryError
        If the axes are not perpendicular, or spacing or position are not usable; the node is named.
    """
    size = volume_node.GetImageData().GetDimensions()
    steps, origin = lps_steps(volume_node)
    spacing = np.sqrt((steps**2).sum(axis=0))
    cosines = np.divide(steps, spacing, out=np.full((3, 3), np.nan), where=spacing > 0)
    try:
        return Geometry(
            shape=(size[2], size[1], size[0]),
            spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
            origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
            direction=tuple(float(value) for value in cosines.ravel()),
        )
    except GeometryError as error:
        raise GeometryError(
            error.problem,
            expected=error.expected,
            found=error.found,
            path=volume_node.GetName(),
            remedy=error.remedy or _("Check the volume in the Volumes module, or load it again from its source."),
        ) from error


def transform_note(volume_node: Any) -> str:
    """Say in one sentence what a parent transform means for the result; empty where there is none."""
    transform = volume_node.GetParentTransformNode()
    if transform is None:
        return ""
    if transform.IsTransformToWorldLinear():
        text = _("The volume's own voxels were segmented; the result lies under the same transform, {name}.")
    else:
        text = _(
            "The volume's own voxels were segmented, before the non-linear transform {name}; the result lies under the same "
            "transform, so volumes in ml are those before warping."
        )
    return text.format(name=transform.GetName())
