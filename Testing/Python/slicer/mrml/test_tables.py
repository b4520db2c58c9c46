"""Volumes as a table: voxels counted, millilitres by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import vtk

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.mrml import import_labels, volumes_table

from .conftest import SPACING_IJK_MM

VOXEL_ML = SPACING_IJK_MM[0] * SPACING_IJK_MM[1] * SPACING_IJK_MM[2] / 1000


@pytest.fixture
def segmentation_node(
    make_volume: Callable[..., Any],
    write_labels: Callable[..., Path],
    voxels: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
    entries: Any,
) -> Any:
    """Seven voxels of label 1, three of label 2, none of label 5."""
    node = make_volume(voxels, matrix)
    return import_labels(write_labels(np.where(labels == 5, 0, labels).astype(np.uint8), node), entries, node)


def rows(table_node: Any) -> list[tuple[str, int, float]]:
    table = table_node.GetTable()
    columns = [table.GetColumnByName(name) for name in ("Structure", "Voxels", "Volume [ml]")]
    return [
        (columns[0].GetValue(row), columns[1].GetValue(row), columns[2].GetValue(row)) for row in range(table.GetNumberOfRows())
    ]


def test_voxels_and_millilitres(segmentation_node: Any) -> None:
    found = rows(volumes_table(segmentation_node))
    assert [row[:2] for row in found] == [("Anterior hippocampus", 7), ("Läsion \\ 2", 3), ("Nodule", 0)]
    assert [row[2] for row in found] == pytest.approx([7 * VOXEL_ML, 3 * VOXEL_ML, 0.0], rel=1e-12)


def test_a_correction_by_hand_is_counted(segmentation_node: Any) -> None:
    labels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation_node, "Segment_1")
    labels[4, 0, 0:5] = 1
    assert rows(volumes_table(segmentation_node))[0][1] == 12


def test_a_segment_in_a_layer_of_its_own_is_counted(segmentation_node: Any) -> None:
    segmentation = segmentation_node.GetSegmentation()
    identifier = segmentation.AddEmptySegment("", "By hand")
    image = slicer.vtkOrientedImageData()
    image.SetExtent(0, 1, 0, 1, 0, 0)
    image.SetSpacing(10.0, 10.0, 10.0)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    image.GetPointData().GetScalars().Fill(1)
    segmentation.GetSegment(identifier).SetLabelValue(1)
    segmentation.GetSegment(identifier).AddRepresentation("Binary labelmap", image)
    assert rows(volumes_table(segmentation_node))[2] == ("By hand", 4, pytest.approx(4.0))


def test_a_given_table_is_filled_anew(segmentation_node: Any, scene: Any) -> None:
    table_node = volumes_table(segmentation_node)
    count = scene.GetNumberOfNodes()
    segmentation_node.GetSegmentation().RemoveSegment("Segment_2")
    assert volumes_table(segmentation_node, table_node) is table_node
    assert [row[0] for row in rows(table_node)] == ["Anterior hippocampus", "Nodule"]
    assert scene.GetNumberOfNodes() == count


def test_a_new_table_is_named_after_the_segmentation(segmentation_node: Any) -> None:
    assert volumes_table(segmentation_node).GetName() == "CT segmentation volumes"


def test_surfaces_cannot_be_counted_and_the_table_stays(scene: Any, segmentation_node: Any) -> None:
    table_node = volumes_table(segmentation_node)
    before = rows(table_node)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Surfaces")
    node.SetSourceRepresentationToClosedSurface()
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Ball", (1, 0, 0))
    with pytest.raises(InputError, match=r"Surfaces: .*no voxels to count.*Closed surface"):
        volumes_table(node, table_node)
    assert rows(table_node) == before


def test_the_table_can_be_saved_and_read(segmentation_node: Any, scene: Any, tmp_path: Path) -> None:
    table_node = volumes_table(segmentation_node)
    storage = scene.AddNewNodeByClass("vtkMRMLTableStorageNode")
    storage.SetFileName(str(tmp_path / "volumes.tsv"))
    assert storage.WriteData(table_node)
    lines = (tmp_path / "volumes.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.replace('"', "").split("\t")[:2] for line in lines[:2]] == [
        ["Structure", "Voxels"],
        ["Anterior hippocampus", "7"],
    ]
