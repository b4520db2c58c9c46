"""4-D: a segmentation for every frame, played in step with the volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.mrml.segmentations import read_content
from KDSegmentatorLib.mrml.sequences import SegmentationFrames, frames

TIMES = ("0", "40.5", "100")


@pytest.fixture
def sequence_node(scene: Any, make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray) -> Any:
    """Three volumes, each on its own grid, at odd times."""
    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    node.SetIndexName("time")
    node.SetIndexUnit("ms")
    for number, time in enumerate(TIMES):
        moved = matrix.copy()
        moved[2, 3] += 5 * number
        volume = make_volume(voxels + number, moved, "frame")
        node.SetDataNodeAtValue(volume, time)
        scene.RemoveNode(volume)
    return node


@pytest.fixture
def browser_node(scene: Any, sequence_node: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Player")
    node.SetAndObserveMasterSequenceNodeID(sequence_node.GetID())
    return node


@pytest.fixture
def collected(sequence_node: Any, write_labels: Callable[..., Path], labels: np.ndarray, entries: Any) -> SegmentationFrames:
    """The labels move by one slice with every frame."""
    result = SegmentationFrames(sequence_node)
    for number, frame in enumerate(frames(sequence_node)):
        path = write_labels(np.roll(labels, number, axis=0), frame.volume_node, f"frame{number}")
        result.add(frame, read_content(path, entries, frame.volume_node, student="x 1.0"))
    return result


def test_frames_come_in_order_with_their_index_values(sequence_node: Any) -> None:
    found = frames(sequence_node)
    assert tuple(frame.index_value for frame in found) == TIMES
    lowest = [int(slicer.util.arrayFromVolume(frame.volume_node).min()) for frame in found]
    assert lowest == [-50, -49, -48]


def test_nothing_is_in_the_scene_before_it_is_shown(
    sequence_node: Any, write_labels: Callable[..., Path], labels: np.ndarray, entries: Any, scene: Any
) -> None:
    frame = frames(sequence_node)[0]
    path = write_labels(labels, frame.volume_node)
    count = scene.GetNumberOfNodes()
    result = SegmentationFrames(sequence_node)
    result.add(frame, read_content(path, entries, frame.volume_node))
    assert scene.GetNumberOfNodes() == count


def test_every_frame_has_its_own_segmentation(
    collected: SegmentationFrames, sequence_node: Any, browser_node: Any, labels: np.ndarray
) -> None:
    result = collected.show()
    assert [result.GetNthIndexValue(i) for i in range(3)] == list(TIMES)
    assert (result.GetIndexName(), result.GetIndexUnit()) == ("time", "ms")
    assert result.GetIndexType() == sequence_node.GetIndexType()
    assert result.GetName() == "Cine segmentation"
    for number in range(3):
        node = result.GetNthDataNode(number)
        image = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, "Segment_2")
        assert np.array_equal(image, np.roll(labels, number, axis=0))
        assert node.GetSegmentation().GetNumberOfLayers() == 1
        assert node.GetAttribute("KDSegmentator.Student") == "x 1.0"


def test_the_shown_segmentation_follows_the_shown_volume(
    collected: SegmentationFrames, sequence_node: Any, browser_node: Any, labels: np.ndarray, scene: Any
) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume = browser_node.GetProxyNode(sequence_node)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    result = collected.show()
    assert browser_node.IsSynchronizedSequenceNodeID(result.GetID(), False)
    shown = browser_node.GetProxyNode(result)
    assert shown.GetScene() is scene
    assert shown.GetNodeReference(shown.GetReferenceImageGeometryReferenceRole()) is volume
    assert shown.GetParentTransformNode() is transform
    assert shown.GetDisplayNode() is not None
    for number in (2, 0, 1):
        browser_node.SetSelectedItemNumber(number)
        volume = browser_node.GetProxyNode(sequence_node)
        seen = slicer.util.arrayFromSegmentBinaryLabelmap(browser_node.GetProxyNode(result), "Segment_1", volume)
        assert np.array_equal(seen != 0, np.roll(labels, number, axis=0) == 1)
        shown = browser_node.GetProxyNode(result)
        assert shown.GetNodeReference(shown.GetReferenceImageGeometryReferenceRole()) is volume


def test_a_sequence_without_a_browser_gets_one(collected: SegmentationFrames, sequence_node: Any, scene: Any) -> None:
    result = collected.show()
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert browser.GetMasterSequenceNode() is sequence_node
    assert browser.IsSynchronizedSequenceNodeID(result.GetID(), False)


def test_a_given_sequence_is_filled_anew(
    collected: SegmentationFrames, browser_node: Any, labels: np.ndarray, scene: Any
) -> None:
    mine = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Mine")
    old = slicer.vtkMRMLSegmentationNode()
    mine.SetDataNodeAtValue(old, "7")
    assert collected.show(mine) is mine
    assert [mine.GetNthIndexValue(i) for i in range(mine.GetNumberOfDataNodes())] == list(TIMES)
    assert mine.GetName() == "Mine"


def test_what_is_no_sequence_of_volumes_is_refused(scene: Any) -> None:
    with pytest.raises(InputError, match="Found: nothing"):
        frames(None)
    with pytest.raises(InputError, match=r"CT: .*Found: vtkMRMLScalarVolumeNode"):
        frames(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT"))
    empty = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Empty")
    with pytest.raises(InputError, match=r"Empty: .*no frames"):
        frames(empty)
    empty.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), "0")
    with pytest.raises(InputError, match=r"Empty: .*vtkMRMLTextNode"):
        frames(empty)
