"""One volume, around the child process: what is refused, what is told, and what a failure leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import slicer
from kdseg.errors import (
    BundleError,
    Cancelled,
    ChannelError,
    GeometryError,
    InputError,
    InstallationError,
    IntensityError,
    WorkerError,
)
from KDSegmentatorLib.jobs.outcome import Failed, Stopped
from KDSegmentatorLib.runs.run import ProgressUpdate

from .conftest import segment_array

pytestmark = pytest.mark.usefixtures("played")


def identifiers(segmentation_node: Any) -> list[str]:
    segmentation = segmentation_node.GetSegmentation()
    return [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]


def test_every_voxel_is_where_the_image_says(
    logic: Any, volume_node: Any, voxels: np.ndarray, private_folders: Callable[[], list[str]]
) -> None:
    node = logic.segment(volume_node, "threshold")
    assert np.array_equal(segment_array(node, "Segment_1", volume_node), voxels > 0)
    assert private_folders() == []


def test_what_the_child_is_asked(logic: Any, volume_node: Any, played: Any) -> None:
    logic.segment(volume_node, "threshold", threads=2, memoryBytes=4 * 1024**3, engine="cpu", structures=[1], mirroring=False)
    (request,) = played.requests
    assert (request.threads, request.memory_bytes, request.engine.value) == (2, 4 * 1024**3, "cpu")
    assert (request.structures, request.mirroring, request.tile_step_size) == ((1,), False, None)
    assert [path.name for path in request.volume_paths] == ["channel_0000.nrrd"]


def test_progress_and_the_end_are_told(logic: Any, volume_node: Any) -> None:
    updates: list[Any] = []
    events: list[dict[str, Any]] = []
    ended: list[Any] = []
    node = logic.segment(volume_node, "threshold", onProgress=updates.append, onEvent=events.append, onFinished=ended.append)
    assert updates == [ProgressUpdate("network", 0.5, 0.5, 1.0, 1, 1, "")]
    assert [event["event"] for event in events] == ["progress"]
    assert [(run.state, run.segmentationNode) for run in ended] == [("succeeded", node)]


def test_cancelling_raises_for_those_who_wait(logic: Any, volume_node: Any, played: Any, scene: Any) -> None:
    played.held = True
    count = scene.GetNumberOfNodes()
    run = logic.segment(volume_node, "threshold", wait=False, onProgress=lambda _update: run.cancel())
    run.wait()
    assert run.state == "stopped"
    assert isinstance(run.outcome, Stopped)
    with pytest.raises(Cancelled):
        run.raise_for_outcome()
    assert scene.GetNumberOfNodes() == count


def test_a_failure_leaves_the_old_result_and_names_the_volume(
    logic: Any, volume_node: Any, make_volume: Callable[..., Any], voxels: np.ndarray, scene: Any
) -> None:
    node = logic.segment(volume_node, "threshold")
    constant = make_volume(np.zeros_like(voxels), "Empty scan")
    count = scene.GetNumberOfNodes()
    with pytest.raises(IntensityError, match=r"^Empty scan: The image is constant"):
        logic.segment(constant, "threshold", node)
    assert scene.GetNumberOfNodes() == count
    assert np.array_equal(segment_array(node, "Segment_1", volume_node), voxels > 0)


def test_a_result_on_another_grid_is_a_failure(logic: Any, volume_node: Any, voxels: np.ndarray, scene: Any) -> None:
    run = logic.segment(volume_node, "threshold", wait=False)
    volume_node.SetSpacing(1, 1, 2)
    run.wait()
    assert run.state == "failed"
    assert isinstance(run.error, WorkerError)
    assert "grid" in run.error.problem
    assert "read_content" in run.details
    assert run.segmentationNode is None
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 0


def test_an_unexpected_error_ends_the_run_too(logic: Any, volume_node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from KDSegmentatorLib.runs import single

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(single, "read_content", broken)
    run = logic.segment(volume_node, "threshold", wait=False)
    run.wait()
    assert run.state == "failed"
    assert "ZeroDivisionError: a fault of ours" in run.error.found
    assert "Traceback" in run.details


def test_a_run_can_be_waited_for_later(logic: Any, volume_node: Any) -> None:
    run = logic.segment(volume_node, "threshold", wait=False)
    run.wait()
    assert run.state == "succeeded"
    run.wait()
    run.raise_for_outcome()


def test_a_given_segmentation_is_replaced(
    logic: Any, volume_node: Any, make_volume: Callable[..., Any], voxels: np.ndarray, scene: Any
) -> None:
    node = logic.segment(make_volume(-voxels, "Other"), "threshold")
    count = len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    assert logic.segment(volume_node, "threshold", node) is node
    assert np.array_equal(segment_array(node, "Segment_1", volume_node), voxels > 0)
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == count


def test_what_was_not_found_is_told(logic: Any, make_volume: Callable[..., Any], voxels: np.ndarray) -> None:
    run = logic.segment(make_volume(-np.abs(voxels) - 1), "threshold", wait=False)
    run.wait()
    assert run.state == "succeeded"
    assert run.notFound == ("Bright tissue",)
    assert identifiers(run.segmentationNode) == []


def test_a_transform_is_told_and_kept(logic: Any, volume_node: Any, voxels: np.ndarray, scene: Any) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    volume_node.SetAndObserveTransformNodeID(transform.GetID())
    run = logic.segment(volume_node, "threshold", wait=False)
    run.wait()
    assert run.segmentationNode.GetParentTransformNode() is transform
    (note,) = run.notes
    assert "Shift" in note
    assert np.array_equal(segment_array(run.segmentationNode, "Segment_1", volume_node), voxels > 0)


def test_a_failed_run_has_no_result_and_says_why(logic: Any, make_volume: Callable[..., Any], voxels: np.ndarray) -> None:
    run = logic.segment(make_volume(np.zeros_like(voxels), "Empty scan"), "threshold", wait=False)
    run.wait()
    assert run.state == "failed"
    assert isinstance(run.outcome, Failed)
    assert isinstance(run.error, IntensityError)
    assert run.segmentationNode is None
    assert run.report == {}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"student": "nobody"}, BundleError, "no student of this name"),
        ({"student": "larger"}, ChannelError, r"MR: The number of volumes does not fit.*2 \(channel 0, channel 1\)"),
        ({"structures": ["Spleen"]}, BundleError, r"1 \(Bright tissue\).*Found: Spleen"),
        ({"structures": []}, BundleError, "does not have these structures"),
        ({"structures": [7]}, BundleError, "Found: 7"),
        ({"engine": "abacus"}, ValueError, "auto, cpu, openvino, cuda, directml, coreml; found 'abacus'"),
        ({"student": None}, BundleError, "Found: NoneType.*threshold-1.0.0"),
        ({"threads": 0}, ValueError, "threads"),
        ({"volumeNode": None}, InputError, "Found: nothing"),
        ({"volumeNode": "T1"}, InputError, "Expected: a volume node .vtkMRMLScalarVolumeNode.*Found: str"),
        ({"volumeNode": ["T1"]}, InputError, "Found: str"),
        ({"segmentationNode": "result"}, InputError, "Expected: vtkMRMLSegmentationNode. Found: str"),
    ],
)
def test_what_cannot_start_is_refused_at_once(
    logic: Any,
    volume_node: Any,
    private_folders: Callable[[], list[str]],
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    ended: list[Any] = []
    arguments = {"volumeNode": volume_node, "student": "threshold", **options}
    with pytest.raises(error, match=message):
        logic.segment(wait=False, onFinished=ended.append, **arguments)
    assert private_folders() == []
    assert ended == []


def test_sheared_axes_are_refused_at_once(logic: Any, volume_node: Any, private_folders: Callable[[], list[str]]) -> None:
    volume_node.SetIJKToRASDirections(1, 0.1, 0, 0, 1, 0, 0, 0, 1)
    with pytest.raises(GeometryError, match=r"MR: .*not perpendicular"):
        logic.segment(volume_node, "threshold", wait=False)
    assert private_folders() == []


def test_a_volume_in_the_place_of_the_result_is_refused_at_once(
    logic: Any, volume_node: Any, private_folders: Callable[[], list[str]]
) -> None:
    with pytest.raises(InputError, match=r"MR: .*Expected: vtkMRMLSegmentationNode. Found: vtkMRMLScalarVolumeNode"):
        logic.segment(volume_node, "threshold", volume_node)
    assert private_folders() == []


@pytest.mark.parametrize(("thing", "found"), [(None, "nothing"), ("MR", "str")])
def test_volumes_are_counted_in_a_segmentation_only(logic: Any, thing: Any, found: str) -> None:
    with pytest.raises(InputError, match=f"Expected: vtkMRMLSegmentationNode. Found: {found}"):
        logic.volumesTable(thing)


def test_volumes_go_to_a_table_only(logic: Any, volume_node: Any) -> None:
    segmentation_node = logic.segment(volume_node, "threshold")
    with pytest.raises(InputError, match=r"Expected: vtkMRMLTableNode. Found: vtkMRMLScalarVolumeNode"):
        logic.volumesTable(segmentation_node, volume_node)


@pytest.mark.parametrize(("volumes", "found"), [(None, "nothing"), (5, "int")])
def test_what_cannot_be_queued_is_refused_at_once(logic: Any, volumes: Any, found: str) -> None:
    with pytest.raises(InputError, match=f"list of paths. Found: {found}"):
        logic.queue(volumes, "threshold")


def test_missing_packages_are_told_before_anything_starts(
    logic: Any, volume_node: Any, private_folders: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDSegmentatorLib.runs import preflight

    monkeypatch.setattr(preflight, "missing_packages", lambda: ["onnxruntime>=1.19"])
    with pytest.raises(InstallationError, match=r"onnxruntime>=1.19.*installPackages"):
        logic.segment(volume_node, "threshold", wait=False)
    assert private_folders() == []


def test_a_volume_that_was_removed_gets_no_result(logic: Any, volume_node: Any, scene: Any) -> None:
    run = logic.segment(volume_node, "threshold", wait=False)
    scene.RemoveNode(volume_node)
    run.wait()
    assert run.state == "failed"
    assert isinstance(run.error, InputError)
    assert "removed" in run.error.problem
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 0


def test_a_segmentation_that_was_removed_is_made_anew(logic: Any, volume_node: Any, voxels: np.ndarray, scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    run = logic.segment(volume_node, "threshold", node, wait=False)
    scene.RemoveNode(node)
    run.wait()
    assert run.state == "succeeded"
    assert run.segmentationNode is not node
    assert np.array_equal(segment_array(run.segmentationNode, "Segment_1", volume_node), voxels > 0)


def test_a_fault_of_the_caller_does_not_stop_a_run(logic: Any, volume_node: Any, caplog: pytest.LogCaptureFixture) -> None:
    def faulty(_argument: Any) -> None:
        raise RuntimeError("the caller's own fault")

    node = logic.segment(volume_node, "threshold", onProgress=faulty, onEvent=faulty, onFinished=faulty)
    assert identifiers(node) == ["Segment_1"]
    assert "the caller's own fault" in caplog.text


def test_the_estimate_knows_the_time_after_the_first_run(logic: Any, volume_node: Any) -> None:
    before = logic.estimate(volume_node, "threshold", engine="cpu")
    assert before.fits
    assert before.peak_bytes > 0
    assert before.seconds is None
    logic.segment(volume_node, "threshold", engine="cpu")
    after = logic.estimate(volume_node, "threshold", engine="cpu")
    assert after.seconds == pytest.approx(0.5 + 2.0 / 4 * after.tiles, rel=0.01)


def test_a_time_that_cannot_be_kept_does_not_fail_a_run(logic: Any, volume_node: Any, tmp_path: Path) -> None:
    logic.rates.path = tmp_path
    assert identifiers(logic.segment(volume_node, "threshold")) == ["Segment_1"]


def test_an_estimate_above_the_ceiling_says_so(logic: Any, volume_node: Any) -> None:
    estimate = logic.estimate(volume_node, "threshold", memoryBytes=1024**2)
    assert not estimate.fits
    assert estimate.peak_bytes > 1024**2


def test_an_estimate_of_what_cannot_be_segmented_is_refused(logic: Any, volume_node: Any) -> None:
    with pytest.raises(ChannelError):
        logic.estimate(volume_node, "larger")
