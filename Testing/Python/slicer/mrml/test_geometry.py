"""No voxel is misplaced: 48 orientations along the axes, and oblique ones, out of the scene and into it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import SimpleITK
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from KDSegmentatorLib.mrml import export_volume, import_labels

from .conftest import grid_matrix, rotation


def signed_permutations() -> list[np.ndarray]:
    found = []
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            directions = np.zeros((3, 3))
            for column, (row, sign) in enumerate(zip(axes, signs)):
                directions[row, column] = sign
            found.append(directions)
    return found


ORIENTATIONS = signed_permutations() + [rotation(0.3, -0.5, 0.8) @ d for d in (np.eye(3), np.diag([1.0, 1.0, -1.0]))]


def name_of(directions: np.ndarray) -> str:
    if not np.array_equal(np.abs(directions), np.abs(directions).round()):
        return "oblique-left-handed" if np.linalg.det(directions) < 0 else "oblique"
    letters = ("RL", "AP", "SI")
    return "".join(letters[int(np.argmax(np.abs(c)))][int(c.sum() < 0)] for c in directions.T)


def ras_by_vtk(volume_node: Any, indices_kji: np.ndarray) -> np.ndarray:
    """Return RAS positions of voxels, by VTK's own arithmetic."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return np.array([matrix.MultiplyPoint((float(i), float(j), float(k), 1.0))[:3] for k, j, i in indices_kji])


def test_there_are_48_orientations_along_the_axes() -> None:
    assert len({name_of(directions) for directions in signed_permutations()}) == 48


@pytest.mark.parametrize("directions", ORIENTATIONS, ids=name_of)
def test_every_exported_voxel_lies_where_it_was(
    make_volume: Callable[..., Any], voxels: np.ndarray, directions: np.ndarray, tmp_path: Path
) -> None:
    node = make_volume(voxels, grid_matrix(directions))
    image = SimpleITK.ReadImage(str(export_volume(node, tmp_path)))
    exported = SimpleITK.GetArrayFromImage(image)
    for value in voxels.ravel()[::17].tolist():
        ((k, j, i),) = np.argwhere(exported == value).tolist()
        lps = np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
        expected = ras_by_vtk(node, np.argwhere(voxels == value))[0]
        assert np.allclose(lps * (-1, -1, 1), expected, rtol=0, atol=1e-9)
    assert np.array_equal(exported, voxels)


@pytest.mark.parametrize("directions", ORIENTATIONS, ids=name_of)
def test_every_imported_voxel_lies_where_it_should(
    make_volume: Callable[..., Any],
    write_labels: Callable[..., Path],
    entries: Any,
    voxels: np.ndarray,
    labels: np.ndarray,
    directions: np.ndarray,
) -> None:
    node = make_volume(voxels, grid_matrix(directions))
    segmentation_node = import_labels(write_labels(labels, node), entries, node)
    for entry in entries:
        found = ras_of_segment(segmentation_node, f"Segment_{entry.value}")
        expected = ras_by_vtk(node, np.argwhere(labels == entry.value))
        assert found.shape == expected.shape
        assert np.allclose(in_order(found), in_order(expected), rtol=0, atol=1e-6)
        seen = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, f"Segment_{entry.value}", node)
        assert np.array_equal(seen != 0, labels == entry.value)


def ras_of_segment(segmentation_node: Any, identifier: str) -> np.ndarray:
    """Return the RAS positions of a segment's voxels, by the image that Slicer keeps."""
    segment = segmentation_node.GetSegmentation().GetSegment(identifier)
    image = segment.GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    start = np.array(image.GetExtent()[::2])
    positions = [
        matrix.MultiplyPoint((*np.add(start, (i, j, k)).astype(float), 1.0))[:3]
        for k, j, i in np.argwhere(array == segment.GetLabelValue())
    ]
    return np.array(positions)


def in_order(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(points.round(3).T)]


def test_an_image_whose_indices_start_elsewhere_keeps_its_place(
    make_volume: Callable[..., Any],
    write_labels: Callable[..., Path],
    entries: Any,
    labels: np.ndarray,
    matrix: np.ndarray,
    tmp_path: Path,
) -> None:
    node = make_volume(labels.astype(np.int16), matrix)
    node.GetImageData().SetExtent(3, 9, -2, 3, 10, 14)
    image = SimpleITK.ReadImage(str(export_volume(node, tmp_path)))
    expected_origin = (matrix @ (3, -2, 10, 1))[:3]
    assert np.allclose(np.array(image.GetOrigin()) * (-1, -1, 1), expected_origin, rtol=0, atol=1e-9)
    segmentation_node = import_labels(write_labels(labels, node), entries, node)
    indices = np.add(np.argwhere(labels == 2), (10, -2, 3))
    assert np.allclose(in_order(ras_of_segment(segmentation_node, "Segment_2")), in_order(ras_by_vtk(node, indices)), atol=1e-6)


def test_the_grid_is_written_to_the_last_digit(make_volume: Callable[..., Any], voxels: np.ndarray, tmp_path: Path) -> None:
    matrix = grid_matrix(rotation(0.1, 0.2, 0.3))
    node = make_volume(voxels, matrix)
    own = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(own)
    header = export_volume(node, tmp_path).read_bytes().partition(b"\n\n")[0].decode("ascii")
    fields = dict(line.split(": ", 1) for line in header.splitlines()[1:])
    numbers = [float(n) for n in fields["space directions"].replace("(", "").replace(")", ",").split(",") if n.strip()]
    steps_lps = np.array(numbers).reshape(3, 3).T
    assert np.array_equal(steps_lps * [[-1], [-1], [1]], [[own.GetElement(r, c) for c in range(3)] for r in range(3)])
