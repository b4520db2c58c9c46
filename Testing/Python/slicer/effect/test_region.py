"""The region of interest: voxels whose centre lies in the box, and the part of the volume that encloses them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.effect.region import back_in_place, box_of, cut_out, extent_in_volume, inside
from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix

OBLIQUE = np.array([[0.9, -0.3, 0.1, -20.0], [0.25, 1.1, 0.2, 15.0], [-0.05, -0.15, 1.9, 5.0], [0.0, 0.0, 0.0, 1.0]])
SIZE = (12, 10, 8)


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


@pytest.fixture
def volume(scene):
    return add_volume(scene, OBLIQUE)


def add_volume(scene, matrix, size=SIZE):
    image = vtk.vtkImageData()
    image.SetDimensions(*size)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = np.arange(np.prod(size))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "volume")
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(vtk_matrix(matrix))
    return node


def add_roi(scene, centre, size_mm, turned_degrees=0.0):
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    transform = vtk.vtkTransform()
    transform.Translate(*centre)
    transform.RotateWXYZ(turned_degrees, 1, 2, 3)
    roi.SetSize(*size_mm)
    roi.SetAndObserveObjectToNodeMatrix(transform.GetMatrix())
    roi.SetCenter(*centre)
    return roi


def add_transform(scene, matrix):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(vtk_matrix(matrix))
    return node


def grid_of(volume):
    grid = slicer.vtkOrientedImageData()
    grid.SetExtent(volume.GetImageData().GetExtent())
    grid.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(volume)))
    return grid


def world_of(volume, index):
    parent = volume.GetParentTransformNode()
    matrix = vtk.vtkMatrix4x4()
    if parent is not None:
        parent.GetMatrixTransformToWorld(matrix)
    own = ijk_to_ras(volume) @ np.array([*index, 1.0])
    return np.array(matrix.MultiplyPoint(own))


def distance_mm(roi, point):
    """Return how far a point lies outside the ROI's own planes, an independent oracle; negative inside."""
    planes = vtk.vtkPlanes()
    roi.GetTransformedPlanes(planes)
    return planes.EvaluateFunction(*point[:3])


def rigid(scene, degrees=40.0):
    transform = vtk.vtkTransform()
    transform.Translate(1.0, -1.0, 0.5)
    transform.RotateWXYZ(degrees, 3, 1, -1)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(transform.GetMatrix())
    return node


@pytest.mark.parametrize("turned", [0.0, 35.0])
@pytest.mark.parametrize("moved", ["nothing", "volume", "box"])
def test_a_voxel_is_inside_when_its_centre_is(scene, volume, turned, moved) -> None:
    roi = add_roi(scene, world_of(volume, (5, 4, 4))[:3], (5.3, 4.1, 6.7), turned)
    if moved != "nothing":
        node = {"volume": volume, "box": roi}[moved]
        node.SetAndObserveTransformNodeID(rigid(scene, 12.0).GetID())
    found = inside(box_of(roi), grid_of(volume), volume)
    outside_mm = np.zeros(SIZE[::-1])
    for i, j, k in itertools.product(*map(range, SIZE)):
        outside_mm[k, j, i] = distance_mm(roi, world_of(volume, (i, j, k)))
    assert 10 < (outside_mm < 0).sum() < outside_mm.size / 2
    clear = np.abs(outside_mm) > 0.01  # Slicer rounds its planes
    assert clear.mean() > 0.9
    assert np.array_equal(found[clear], outside_mm[clear] < 0)


def test_a_transform_over_both_changes_nothing(scene, volume) -> None:
    roi = add_roi(scene, world_of(volume, (5, 4, 4))[:3], (5.3, 4.1, 6.7), 35.0)
    before = inside(box_of(roi), grid_of(volume), volume)
    extent = extent_in_volume(box_of(roi), volume)
    shear = np.array([[1, 0.1, 0, 4], [0, 1.2, 0, -3], [0.2, 0, 0.9, 2], [0, 0, 0, 1.0]])
    node = add_transform(scene, shear)
    volume.SetAndObserveTransformNodeID(node.GetID())
    roi.SetAndObserveTransformNodeID(node.GetID())
    assert np.array_equal(inside(box_of(roi), grid_of(volume), volume), before)
    assert extent_in_volume(box_of(roi), volume) == extent


def test_the_extent_encloses_every_voxel_inside(scene, volume) -> None:
    box = box_of(add_roi(scene, world_of(volume, (6, 5, 3))[:3], (4.0, 5.0, 6.0), 50.0))
    extent = extent_in_volume(box, volume)
    k, j, i = np.nonzero(inside(box, grid_of(volume), volume))
    assert extent[0] <= i.min() and i.max() <= extent[1]
    assert extent[2] <= j.min() and j.max() <= extent[3]
    assert extent[4] <= k.min() and k.max() <= extent[5]


def test_the_extent_of_a_straight_box_is_exact(scene) -> None:
    volume = add_volume(scene, np.diag([2.0, 2.0, 2.0, 1.0]))
    roi = add_roi(scene, (8.0, 6.0, 6.0), (8.0, 4.0, 3.9))  # x 4…12, y 4…8, z 4.05…7.95
    assert extent_in_volume(box_of(roi), volume) == (2, 6, 2, 4, 3, 3)


def test_a_box_that_sticks_out_is_cut_to_the_volume(scene) -> None:
    volume = add_volume(scene, np.eye(4))
    assert extent_in_volume(box_of(add_roi(scene, (0.0, 5.0, 4.0), (6.0, 100.0, 4.0))), volume) == (0, 3, 0, 9, 2, 6)


def test_a_box_beside_the_volume_is_refused(scene, volume) -> None:
    with pytest.raises(InputError, match="outside the volume"):
        extent_in_volume(box_of(add_roi(scene, (500.0, 0.0, 0.0), (5.0, 5.0, 5.0))), volume)


def test_a_box_that_was_not_drawn_is_refused(scene) -> None:
    with pytest.raises(InputError, match="no volume"):
        box_of(scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box"))


def test_a_box_under_a_warp_is_refused(scene) -> None:
    roi = add_roi(scene, (0.0, 0.0, 0.0), (5.0, 5.0, 5.0))
    warp = vtk.vtkThinPlateSplineTransform()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(warp)
    roi.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(InputError, match="non-linear"):
        box_of(roi)


def test_every_voxel_of_the_part_stays_where_it_was(volume) -> None:
    part = cut_out(volume, (2, 7, 1, 9, 3, 5))
    assert part.GetImageData().GetExtent() == (0, 5, 0, 8, 0, 2)
    for i, j, k in [(0, 0, 0), (5, 8, 2), (1, 2, 1)]:
        assert np.allclose(world_of(part, (i, j, k)), world_of(volume, (i + 2, j + 1, k + 3)))
        there = volume.GetImageData().GetScalarComponentAsDouble(i + 2, j + 1, k + 3, 0)
        assert part.GetImageData().GetScalarComponentAsDouble(i, j, k, 0) == there
    assert part.GetScene() is None


def test_a_result_of_the_part_goes_back_to_its_place(volume) -> None:
    extent = (2, 7, 1, 9, 3, 5)
    image = slicer.vtkOrientedImageData()
    image.SetExtent(cut_out(volume, extent).GetImageData().GetExtent())
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    back_in_place(image, extent, volume)
    assert image.GetExtent() == extent
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    assert np.allclose([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)], OBLIQUE)
