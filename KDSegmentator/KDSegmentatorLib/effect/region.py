"""The region of interest: which voxels lie in it, and the part of the volume around it.

The student sees only that part of the volume. So a student that was trained on crops, such as one of the hippocampus, gets
the crop it knows, and a run is as short as its region is small.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np
import numpy.typing as npt
import vtk

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.effect.grid import Extent, grid_matrix, is_empty, numpy_matrix, shape_of
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix

EDGE_TOLERANCE_VOXELS = 1e-6
"""A voxel whose centre lies this close to the border of the region counts as inside."""


@dataclass(frozen=True)
class Box:
    """A region of interest as it was when the run began.

    Attributes
    ----------
    name
        Of its node, for messages.
    size_mm
        Along its own axes.
    to_world
        Matrix from its own axes, with the origin in its centre, to the world; shape (4, 4).
    """

    name: str
    size_mm: Tuple[float, float, float]
    to_world: npt.NDArray[np.float64]


def box_of(roi_node: Any) -> Box:
    """Return the box of a ``vtkMRMLMarkupsROINode``.

    Raises
    ------
    InputError
        If it was not placed yet, is flat, or lies under a non-linear transform.
    """
    size = np.array(roi_node.GetSize(), dtype=float)
    if roi_node.GetNumberOfDefinedControlPoints() < 1 or not (size > 0).all():
        raise _refused(_("The region of interest has no volume."), roi_node, _("Draw it, or choose none."))
    # GetObjectToWorldMatrix is rounded where there is a parent transform.
    to_world = _to_world(roi_node) @ numpy_matrix(roi_node.GetObjectToNodeMatrix())
    return Box(roi_node.GetName(), (float(size[0]), float(size[1]), float(size[2])), to_world)


def inside(box: Box, grid: Any, grid_owner: Any) -> npt.NDArray[np.bool_]:
    """Return the voxels of a grid whose centres lie in the box, shape (k, j, i).

    Parameters
    ----------
    box
        The region of interest.
    grid
        A ``vtkOrientedImageData``.
    grid_owner
        The node in whose frame the grid lies; its parent transform counts.
    """
    to_box = np.linalg.inv(box.to_world) @ _to_world(grid_owner) @ grid_matrix(grid)
    extent = grid.GetExtent()
    i, j, k = (np.arange(extent[2 * axis], extent[2 * axis + 1] + 1, dtype=float) for axis in range(3))
    found = np.ones(shape_of(extent), dtype=bool)
    for axis, length in enumerate(box.size_mm):
        along_i, along_j, along_k, start = to_box[axis]
        limit = length / 2 + EDGE_TOLERANCE_VOXELS * np.abs(to_box[axis, :3]).max()
        plane = along_i * i[np.newaxis, :] + along_j * j[:, np.newaxis] + start
        for index, offset in enumerate(along_k * k):
            found[index] &= np.abs(plane + offset) <= limit
    return found


def extent_in_volume(box: Box, volume_node: Any) -> Extent:
    """Return the voxels of a volume that enclose the box.

    Raises
    ------
    InputError
        If the box lies outside the volume.
    """
    half = np.array(box.size_mm) / 2
    corners = np.array([[*(half * signs), 1.0] for signs in itertools.product((-1, 1), repeat=3)]).T
    to_voxels = np.linalg.inv(_to_world(volume_node) @ ijk_to_ras(volume_node)) @ box.to_world
    voxels = (to_voxels @ corners)[:3]
    first = np.ceil(voxels.min(axis=1) - EDGE_TOLERANCE_VOXELS)
    last = np.floor(voxels.max(axis=1) + EDGE_TOLERANCE_VOXELS)
    whole = volume_node.GetImageData().GetExtent()
    extent = tuple(
        int(bound) for axis in range(3) for bound in (max(first[axis], whole[2 * axis]), min(last[axis], whole[2 * axis + 1]))
    )
    if is_empty(extent):
        raise InputError(
            _("The region of interest {name} lies outside the volume.").format(name=box.name),
            path=volume_node.GetName(),
            remedy=_("Move it over the structure, or choose no region of interest."),
        )
    return extent  # type: ignore[return-value]


def cut_out(volume_node: Any, extent: Extent) -> Any:
    """Return a copy of a part of a volume: a ``vtkMRMLScalarVolumeNode`` outside the scene, in the volume's own frame."""
    extractor = vtk.vtkExtractVOI()
    extractor.SetInputData(volume_node.GetImageData())
    extractor.SetVOI(*extent)
    extractor.Update()
    image = vtk.vtkImageData()
    image.DeepCopy(extractor.GetOutput())
    image.SetExtent(0, extent[1] - extent[0], 0, extent[3] - extent[2], 0, extent[5] - extent[4])
    image.SetOrigin(0.0, 0.0, 0.0)
    image.SetSpacing(1.0, 1.0, 1.0)
    shift = np.eye(4)
    shift[:3, 3] = extent[0], extent[2], extent[4]
    part = slicer.vtkMRMLScalarVolumeNode()
    part.SetName(volume_node.GetName())
    part.SetAndObserveImageData(image)
    part.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(volume_node) @ shift))
    return part


def back_in_place(image: Any, extent: Extent, volume_node: Any) -> None:
    """Move a label image of :func:`cut_out`'s part to where the part lies in the volume."""
    image.SetExtent(*extent)
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(volume_node)))


def _to_world(node: Any) -> npt.NDArray[np.float64]:
    """Return the matrix of a node's parent transform; the error names the node if there is none."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    if not parent.GetMatrixTransformToWorld(matrix):
        raise _refused(
            _("A region of interest cannot be used with a non-linear transform."), node, _("Harden the transform first.")
        )
    return numpy_matrix(matrix)


def _refused(problem: str, node: Any, remedy: str) -> InputError:
    return InputError(problem, path=node.GetName(), remedy=remedy)
