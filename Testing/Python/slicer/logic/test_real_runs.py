"""Real students in real child processes: what comes back, what is told meanwhile, and what is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import qt

import slicer
from kdseg.bundle import load_student
from kdseg.errors import IntensityError
from kdseg.io import read_volume
from kdseg.limits import Options
from kdseg.pipeline import segment
from kdseg_testing.shipped import HIPPOCAMPUS
from KDSegmentatorLib.jobs.outcome import Stopped, Succeeded
from KDSegmentatorLib.mrml import export_volume

from .conftest import blobs, segment_array


def test_the_shipped_student_gives_what_the_runtime_gives(
    logic: Any, make_volume: Callable[..., Any], tmp_path: Path, private_folders: Callable[[], list[str]]
) -> None:
    volume_node = make_volume(blobs((40, 56, 40)) + 400)
    updates: list[Any] = []
    events: list[dict[str, Any]] = []
    ended: list[Any] = []
    ticks: list[int] = []
    timer = qt.QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(5)
    node = logic.segment(
        volume_node,
        "hippocampus",
        mirroring=False,
        onProgress=updates.append,
        onEvent=events.append,
        onFinished=ended.append,
    )
    timer.stop()
    volume = read_volume(export_volume(volume_node, tmp_path))
    expected = segment(volume, load_student(HIPPOCAMPUS.path), options=Options(mirroring=False)).labels
    assert set(np.unique(expected)) == {0, 1, 2}
    for value in (1, 2):
        assert np.array_equal(segment_array(node, f"Segment_{value}", volume_node), expected == value)
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume_node
    assert node.GetAttribute("KDSegmentator.Student") == HIPPOCAMPUS.title
    assert len(ticks) > 5, "Slicer stood still while a caller waited"
    overall = [update.overall for update in updates]
    assert overall == sorted(overall)
    assert overall[-1] == 1.0
    assert {update.stage for update in updates} >= {"read", "network", "write"}
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "done"
    assert "estimate" in [event["event"] for event in events]
    (run,) = ended
    assert (run.state, run.segmentationNode, run.error) == ("succeeded", node, None)
    assert isinstance(run.outcome, Succeeded)
    assert run.report["student"]["name"] == "hippocampus"
    assert 0 < logic.estimate(volume_node, "hippocampus", mirroring=False).seconds < 600
    assert private_folders() == []


def test_a_chosen_structure_replaces_an_earlier_result(logic: Any, make_volume: Callable[..., Any], scene: Any) -> None:
    volume_node = make_volume(blobs((40, 56, 40)) + 400)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.GetSegmentation().AddEmptySegment("old")
    found = logic.segment(volume_node, "hippocampus", node, structures=["Posterior hippocampus"], mirroring=False)
    assert found is node
    segmentation = node.GetSegmentation()
    assert [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())] == ["Segment_2"]
    assert segment_array(node, "Segment_2", volume_node).any()


def test_two_channels_in_their_order_without_waiting(
    logic: Any, make_volume: Callable[..., Any], voxels: np.ndarray, wait_until: Callable[..., Any]
) -> None:
    first, second = make_volume(voxels, "T1"), make_volume(blobs(voxels.shape, seed=1), "T2")
    run = logic.segment([first, second], "larger", wait=False)
    assert (run.state, run.outcome, run.segmentationNode) == ("running", None, None)
    wait_until(lambda: run.state != "running", seconds=120)
    assert run.state == "succeeded", run.details
    expected = slicer.util.arrayFromVolume(second) > slicer.util.arrayFromVolume(first)
    assert np.array_equal(segment_array(run.segmentationNode, "Segment_1", first), expected)


def test_cancelling_leaves_everything_as_it_was(
    logic: Any,
    make_volume: Callable[..., Any],
    wait_until: Callable[..., Any],
    private_folders: Callable[[], list[str]],
    scene: Any,
) -> None:
    volume_node = make_volume(blobs((120, 120, 120)), "Long")  # thousands of patches
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    node.GetSegmentation().AddEmptySegment("old")
    count = scene.GetNumberOfNodes()
    updates: list[Any] = []
    run = logic.segment(volume_node, "threshold", node, wait=False, onProgress=updates.append)
    wait_until(lambda: [update for update in updates if update.stage == "network"], seconds=120)
    assert private_folders() != []
    run.cancel()
    wait_until(lambda: run.state != "running", seconds=30)
    assert run.state == "stopped"
    assert isinstance(run.outcome, Stopped)
    assert run.segmentationNode is None
    assert scene.GetNumberOfNodes() == count
    assert node.GetSegmentation().GetSegment("old") is not None
    assert private_folders() == []


def test_a_failure_of_the_child_names_the_volume(
    logic: Any, make_volume: Callable[..., Any], voxels: np.ndarray, private_folders: Callable[[], list[str]], scene: Any
) -> None:
    constant = make_volume(np.zeros_like(voxels), "Empty scan")
    count = scene.GetNumberOfNodes()
    with pytest.raises(IntensityError, match=r"^Empty scan: The image is constant"):
        logic.segment(constant, "threshold")
    assert scene.GetNumberOfNodes() == count
    assert private_folders() == []
