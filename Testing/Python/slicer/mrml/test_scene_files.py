"""Everything is still there when the scene was saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import vtk

import slicer
from KDSegmentatorLib.mrml import import_labels, volumes_table
from KDSegmentatorLib.mrml.segmentations import not_found, read_content
from KDSegmentatorLib.mrml.sequences import SegmentationFrames, frames

from .test_segmentations import tag


def save_and_load(scene: Any, folder: Path, form: str) -> None:
    """Save the scene, close it, and load it again; ``form`` is "mrml" (a file for each node) or "mrb" (one file)."""
    folder.mkdir()
    path = folder / f"scene.{form}"
    scene.SetURL(str(path))
    scene.SetRootDirectory(str(folder))
    if form == "mrb":
        give_cache(scene, folder / "cache")
        assert scene.WriteToMRB(str(path))
        scene.Clear(0)
        assert scene.ReadFromMRB(str(path))
        return
    save_nodes(scene, folder)
    assert scene.Commit(str(path))
    scene.Clear(0)
    scene.SetURL(str(path))
    assert scene.Connect()


def save_nodes(scene: Any, folder: Path) -> None:
    """Save every storable node into a file of its own, as the application does before it saves the scene."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if not node.IsA("vtkMRMLStorableNode") or not node.GetSaveWithScene() or node.IsA("vtkMRMLColorNode"):
            continue
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        if storage is None:
            continue
        suffix = storage.GetDefaultWriteFileExtension() or "seg.nrrd"
        storage.SetFileName(str(folder / f"node{index}.{suffix}"))
        assert storage.WriteData(node), node.GetName()


def give_cache(scene: Any, folder: Path) -> None:
    """Give the scene the folder into which it unpacks, as the application does."""
    folder.mkdir()
    cache, manager = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(folder))
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)


@pytest.fixture(params=["mrml", "mrb"])
def reloaded(
    request: pytest.FixtureRequest,
    scene: Any,
    make_volume: Callable[..., Any],
    write_labels: Callable[..., Path],
    voxels: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
    entries: Any,
    tmp_path: Path,
) -> Any:
    """The scene after a segmentation in a study, under a transform, was saved, closed and loaded."""
    volume_node = make_volume(voxels, matrix)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    shift = vtk.vtkMatrix4x4()
    shift.SetElement(0, 3, 40.0)
    transform.SetMatrixTransformToParent(shift)
    volume_node.SetAndObserveTransformNodeID(transform.GetID())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient"), "Study")
    item = hierarchy.GetItemByDataNode(volume_node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(study, volume_node)
    else:
        hierarchy.SetItemParent(item, study)
    path = write_labels(np.where(labels == 5, 0, labels).astype(np.uint8), volume_node)
    node = import_labels(path, entries, volume_node, student="hippocampus 1.0.0")
    volumes_table(node)
    save_and_load(scene, tmp_path / "saved", request.param)
    return scene


def test_a_saved_scene_keeps_the_whole_result(reloaded: Any, labels: np.ndarray, entries: Any) -> None:
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    (volume_node,) = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if n.GetName() == "CT"]
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 2
    assert segmentation.GetNumberOfLayers() == 1
    for index, entry in enumerate(entries[:2]):
        segment = segmentation.GetNthSegment(index)
        assert segment.GetName() == entry.name
        assert np.allclose(segment.GetColor(), np.array(entry.color) / 255, atol=1e-5)
        assert f"{entry.type.scheme}^{entry.type.value}^{entry.type.meaning}" in tag(segment, "TerminologyEntry")
        assert tag(segment, "DICOM.SegmentAlgorithmName") == "KDSegmentator hippocampus 1.0.0"
        seen = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentation.GetNthSegmentID(index), volume_node)
        assert np.array_equal(seen != 0, labels == entry.value)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume_node
    assert node.GetParentTransformNode().GetName() == "Shift"
    assert node.GetAttribute("KDSegmentator.Student") == "hippocampus 1.0.0"
    assert not_found(node) == ("Nodule",)


def test_a_saved_scene_keeps_the_place_and_the_table(reloaded: Any) -> None:
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(reloaded)
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))
    assert hierarchy.GetItemName(parent) == "Study"
    (table_node,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert [table_node.GetCellText(row, 1) for row in range(table_node.GetNumberOfRows())] == ["7", "3", "0"]
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(table_node))
    assert hierarchy.GetItemName(parent) == "Study"


def test_a_saved_scene_keeps_a_segmentation_sequence(
    scene: Any,
    make_volume: Callable[..., Any],
    write_labels: Callable[..., Path],
    voxels: np.ndarray,
    labels: np.ndarray,
    matrix: np.ndarray,
    entries: Any,
    tmp_path: Path,
) -> None:
    volumes = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    volumes.SetDataNodeAtValue(make_volume(voxels, matrix), "0")
    volumes.SetDataNodeAtValue(make_volume(voxels, matrix), "40.5")
    collected = SegmentationFrames(volumes)
    for number, frame in enumerate(frames(volumes)):
        path = write_labels(np.roll(labels, number, axis=0), frame.volume_node, f"frame{number}")
        collected.add(frame, read_content(path, entries, frame.volume_node))
    collected.show()
    save_and_load(scene, tmp_path / "saved", "mrb")
    (result,) = [n for n in slicer.util.getNodesByClass("vtkMRMLSequenceNode") if n.GetName() == "Cine segmentation"]
    assert [result.GetNthIndexValue(i) for i in range(result.GetNumberOfDataNodes())] == ["0", "40.5"]
    for number in range(2):
        node = result.GetNthDataNode(number)
        image = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, "Segment_2")
        assert np.array_equal(image, np.roll(labels, number, axis=0))
        assert [node.GetSegmentation().GetNthSegment(i).GetName() for i in range(3)] == [entry.name for entry in entries]
