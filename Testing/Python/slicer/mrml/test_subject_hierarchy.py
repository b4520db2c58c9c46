"""A result lies in the study of its volume."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest

import slicer
from KDSegmentatorLib.mrml import place_beside


@pytest.fixture
def hierarchy(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


@pytest.fixture
def volume_node(make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray) -> Any:
    return make_volume(voxels, matrix)


@pytest.fixture
def study(hierarchy: Any, volume_node: Any) -> int:
    """A study of a patient, with the volume in it."""
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    put(hierarchy, volume_node, study)
    return study


def put(hierarchy: Any, node: Any, parent: int) -> int:
    """Give a node its place, as the application does when a node is added."""
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        return hierarchy.CreateItem(parent, node)
    hierarchy.SetItemParent(item, parent)
    return item


def parent_of(hierarchy: Any, node: Any) -> int:
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def test_a_new_result_goes_into_the_study(scene: Any, hierarchy: Any, volume_node: Any, study: int) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    place_beside(node, volume_node)
    assert parent_of(hierarchy, node) == study
    assert hierarchy.GetItemAncestorAtLevel(hierarchy.GetItemByDataNode(node), "Study") == study


def test_a_result_elsewhere_is_moved_to_the_study(scene: Any, hierarchy: Any, volume_node: Any, study: int) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    other = hierarchy.CreateStudyItem(hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Other"), "Other study")
    put(hierarchy, node, other)
    place_beside(node, volume_node)
    assert parent_of(hierarchy, node) == study


def test_a_folder_in_the_study_is_left_as_it_is(scene: Any, hierarchy: Any, volume_node: Any, study: int) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    inner = hierarchy.CreateFolderItem(hierarchy.CreateFolderItem(study, "Results"), "First reader")
    put(hierarchy, node, inner)
    place_beside(node, volume_node)
    assert parent_of(hierarchy, node) == inner


def test_beside_a_volume_without_a_study_is_the_scene(scene: Any, hierarchy: Any, volume_node: Any) -> None:
    put(hierarchy, volume_node, hierarchy.GetSceneItemID())
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    put(hierarchy, node, hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Folder"))
    place_beside(node, volume_node)
    assert parent_of(hierarchy, node) == hierarchy.GetSceneItemID()
