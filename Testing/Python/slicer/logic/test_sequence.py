"""4-D volumes: frame by frame, complete or not at all."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest

import slicer
from kdseg.errors import ChannelError, InputError, IntensityError
from KDSegmentatorLib.jobs.outcome import Stopped

from .conftest import SHAPE_KJI, blobs, segment_array

TIMES = ("0", "250", "500")


@pytest.fixture
def make_sequence(scene: Any, make_volume: Callable[..., Any]) -> Callable[..., Any]:
    """Make a sequence from one array of voxels for each time, played by a browser."""

    def make(*arrays: np.ndarray) -> Any:
        node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
        node.SetIndexName("time")
        node.SetIndexUnit("ms")
        for time, voxels in zip(TIMES, arrays):
            volume = make_volume(voxels, "frame")
            node.SetDataNodeAtValue(volume, time)
            scene.RemoveNode(volume)
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Player")
        browser.SetAndObserveMasterSequenceNodeID(node.GetID())
        return node

    return make


@pytest.fixture
def sequence_node(make_sequence: Callable[..., Any]) -> Any:
    return make_sequence(*(blobs(SHAPE_KJI, seed) for seed in range(3)))


def test_every_frame_in_a_real_child_process(logic: Any, make_sequence: Callable[..., Any]) -> None:
    sequence_node = make_sequence(blobs(SHAPE_KJI, 0), blobs(SHAPE_KJI, 1))
    result = logic.segmentSequence(sequence_node, "threshold")
    assert_frames_fit(result, sequence_node, 2)


@pytest.mark.usefixtures("played")
def test_the_result_plays_in_step_with_the_volumes(logic: Any, sequence_node: Any) -> None:
    updates: list[Any] = []
    result = logic.segmentSequence(sequence_node, "threshold", onProgress=updates.append)
    assert_frames_fit(result, sequence_node, 3)
    assert [(u.item, u.items, u.name) for u in updates] == [(1, 3, "Cine 0 ms"), (2, 3, "Cine 250 ms"), (3, 3, "Cine 500 ms")]
    assert [round(u.overall, 4) for u in updates] == [round((i + 0.5) / 3, 4) for i in range(3)]
    (browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    for number in (2, 0):
        browser.SetSelectedItemNumber(number)
        shown = browser.GetProxyNode(result)
        volume = browser.GetProxyNode(sequence_node)
        assert np.array_equal(segment_array(shown, "Segment_1", volume), slicer.util.arrayFromVolume(volume) > 0)


@pytest.mark.usefixtures("played")
def test_a_given_sequence_is_replaced(logic: Any, sequence_node: Any, scene: Any) -> None:
    mine = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Mine")
    assert logic.segmentSequence(sequence_node, "threshold", mine) is mine
    assert_frames_fit(mine, sequence_node, 3)


@pytest.mark.usefixtures("played")
def test_a_frame_that_fails_ends_the_run_without_a_result(
    logic: Any, make_sequence: Callable[..., Any], scene: Any, private_folders: Callable[[], list[str]]
) -> None:
    sequence_node = make_sequence(blobs(SHAPE_KJI), np.zeros(SHAPE_KJI, dtype=np.float32), blobs(SHAPE_KJI, 2))
    mine = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Mine")
    count = scene.GetNumberOfNodes()
    with pytest.raises(IntensityError, match=r"^frame Cine 250 ms: The image is constant"):
        logic.segmentSequence(sequence_node, "threshold", mine)
    assert scene.GetNumberOfNodes() == count
    assert mine.GetNumberOfDataNodes() == 0
    assert private_folders() == []


def test_cancelling_ends_the_run_without_a_result(logic: Any, sequence_node: Any, played: Any, scene: Any) -> None:
    count = scene.GetNumberOfNodes()
    updates: list[Any] = []

    def cancel_in_the_second_frame(update: Any) -> None:
        updates.append(update)
        played.held = len(updates) == 2
        if played.held:
            run.cancel()

    run = logic.segmentSequence(sequence_node, "threshold", wait=False, onProgress=cancel_in_the_second_frame)
    run.wait()
    assert run.state == "stopped"
    assert isinstance(run.outcome, Stopped)
    assert run.segmentationSequenceNode is None
    assert len(played.requests) == 2
    assert scene.GetNumberOfNodes() == count


def test_cancelling_between_two_frames_starts_no_other(logic: Any, sequence_node: Any, played: Any) -> None:
    run = logic.segmentSequence(sequence_node, "threshold", wait=False)
    folder_removed = played._end

    def end_and_cancel(process: Any) -> None:
        folder_removed(process)
        run.cancel()

    played._end = end_and_cancel
    try:
        run.wait()
    finally:
        played._end = folder_removed
    assert run.state == "stopped"
    assert len(played.requests) == 1


@pytest.mark.usefixtures("played")
def test_a_sequence_that_was_removed_gets_no_result(logic: Any, sequence_node: Any, scene: Any) -> None:
    run = logic.segmentSequence(sequence_node, "threshold", wait=False)
    scene.RemoveNode(sequence_node)
    run.wait()
    assert run.state == "failed"
    assert isinstance(run.error, InputError)


@pytest.mark.parametrize("target", ["result", 5])
def test_what_is_no_sequence_cannot_take_the_result(logic: Any, sequence_node: Any, target: Any) -> None:
    with pytest.raises(InputError, match=r"Expected: vtkMRMLSequenceNode\. Found: (str|int)"):
        logic.segmentSequence(sequence_node, "threshold", target)
    with pytest.raises(InputError, match=r"Found: (str|int)"):
        logic.segmentSequence(target, "threshold")


def test_what_is_no_sequence_is_refused_at_once(logic: Any, sequence_node: Any, make_volume: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="Expected: a sequence"):
        logic.segmentSequence(make_volume(blobs(SHAPE_KJI)), "threshold", wait=False)
    with pytest.raises(ChannelError):
        logic.segmentSequence(sequence_node, "larger", wait=False)


def assert_frames_fit(result: Any, sequence_node: Any, count: int) -> None:
    assert [result.GetNthIndexValue(i) for i in range(result.GetNumberOfDataNodes())] == list(TIMES[:count])
    for number in range(count):
        volume = sequence_node.GetNthDataNode(number)
        image = slicer.util.arrayFromSegmentInternalBinaryLabelmap(result.GetNthDataNode(number), "Segment_1")
        assert np.array_equal(image != 0, slicer.util.arrayFromVolume(volume) > 0)
