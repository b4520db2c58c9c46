"""A queue: every case is tried, results lie beside a table, and cancelling ends all."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import SimpleITK

import slicer
from kdseg.errors import InputError, IntensityError, OutputError
from kdseg.io import read_volume
from KDSegmentatorLib.jobs.outcome import Failed, Stopped
from KDSegmentatorLib.mrml import export_volume

from .conftest import SHAPE_KJI, blobs, segment_array

TITLE = "threshold 1.0.0"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with three images; the second is constant and cannot be segmented."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(("a.nii.gz", "b.nrrd", "c.mha")):
        voxels = blobs(SHAPE_KJI, number) if name != "b.nrrd" else np.zeros(SHAPE_KJI, dtype=np.float32)
        image = SimpleITK.GetImageFromArray(voxels)
        image.SetOrigin((10.0 * number, -3.0, 2.0))
        SimpleITK.WriteImage(image, str(folder / name))
    return folder


@pytest.fixture
def volume_nodes(make_volume: Callable[..., Any]) -> list[Any]:
    return [make_volume(blobs(SHAPE_KJI, seed), name) for seed, name in enumerate(("CT: 1/2", "CT: 1?2"))]


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_segmentation(path: Path, scene: Any) -> Any:
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert storage.ReadData(node)
    return node


def test_a_folder_of_files_in_real_child_processes(logic: Any, images: Path, tmp_path: Path, scene: Any) -> None:
    count = scene.GetNumberOfNodes()
    run = logic.queue(images, "threshold", tmp_path / "results")
    assert [(result.name, result.state) for result in run.results] == [("a", "succeeded"), ("b", "failed"), ("c", "succeeded")]
    assert isinstance(run.results[1].error, IntensityError)
    assert run.state == "failed"
    assert isinstance(run.outcome, Failed)
    assert scene.GetNumberOfNodes() == count
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["a.seg.nrrd", "c.seg.nrrd", "volumes.csv"]
    for name, source in (("a", "a.nii.gz"), ("c", "c.mha")):
        image = read_volume(images / source)
        node = load_segmentation(tmp_path / "results" / f"{name}.seg.nrrd", scene)
        found = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, "Segment_1")
        assert np.array_equal(found != 0, image.voxels[0] > 0)
        assert node.GetSegmentation().GetNthSegment(0).GetName() == "Bright tissue"


@pytest.mark.usefixtures("played")
def test_the_table_has_a_line_for_every_structure_and_every_failure(logic: Any, images: Path, tmp_path: Path) -> None:
    run = logic.queue(images, "threshold", tmp_path / "results")
    assert run.csvPath == tmp_path / "results" / "volumes.csv"
    lines = table(run.csvPath)
    voxels = int((read_volume(images / "a.nii.gz").voxels > 0).sum())
    assert list(lines[0]) == ["case", "student", "structure", "label", "voxels", "volume_ml", "status", "message"]
    assert [(line["case"], line["status"]) for line in lines] == [("a", "succeeded"), ("b", "failed"), ("c", "succeeded")]
    assert (lines[0]["student"], lines[0]["structure"], lines[0]["label"]) == (TITLE, "Bright tissue", "1")
    assert int(lines[0]["voxels"]) == voxels
    assert float(lines[0]["volume_ml"]) == pytest.approx(voxels / 1000)
    assert run.results[0].volumes_ml == {"Bright tissue": pytest.approx(voxels / 1000)}
    assert (lines[1]["structure"], lines[1]["voxels"]) == ("", "")
    assert "The image is constant" in lines[1]["message"]


@pytest.mark.usefixtures("played")
def test_a_structure_that_was_not_found_has_a_line_and_no_segment(
    logic: Any, make_volume: Callable[..., Any], tmp_path: Path, scene: Any
) -> None:
    run = logic.queue([make_volume(-np.abs(blobs(SHAPE_KJI)) - 1, "Dark")], "threshold", tmp_path)
    assert [(line["voxels"], line["volume_ml"]) for line in table(run.csvPath)] == [("0", "0.0")]
    node = load_segmentation(tmp_path / "Dark.seg.nrrd", scene)
    assert node.GetSegmentation().GetNumberOfSegments() == 0


@pytest.mark.usefixtures("played")
def test_loaded_volumes_get_segmentations_in_the_scene_and_files(
    logic: Any, volume_nodes: list[Any], tmp_path: Path, scene: Any
) -> None:
    run = logic.queue(volume_nodes, "threshold", tmp_path / "deep" / "results")
    assert run.state == "succeeded"
    assert [result.path.name for result in run.results] == ["CT_ 1_2.seg.nrrd", "CT_ 1_2_2.seg.nrrd"]
    for volume_node, result in zip(volume_nodes, run.results):
        expected = slicer.util.arrayFromVolume(volume_node) > 0
        assert np.array_equal(segment_array(result.segmentationNode, "Segment_1", volume_node), expected)
        loaded = load_segmentation(result.path, scene)
        assert np.array_equal(segment_array(loaded, "Segment_1", volume_node), expected)


@pytest.mark.usefixtures("played")
def test_the_table_calls_a_case_as_its_file(logic: Any, make_volume: Callable[..., Any], tmp_path: Path) -> None:
    nodes = [make_volume(blobs(SHAPE_KJI, seed), "CT") for seed in (1, 2)]
    nodes.append(make_volume(np.zeros(SHAPE_KJI, dtype=np.float32), "CT"))
    run = logic.queue(nodes, "threshold", tmp_path)
    assert [line["case"] for line in table(run.csvPath)] == ["CT", "CT_2", "CT_3"]
    assert [None if r.path is None else r.path.name for r in run.results] == ["CT.seg.nrrd", "CT_2.seg.nrrd", None]


@pytest.mark.usefixtures("played")
def test_without_a_folder_results_are_in_the_scene_only(logic: Any, volume_nodes: list[Any], tmp_path: Path) -> None:
    run = logic.queue(volume_nodes, "threshold")
    assert [result.state for result in run.results] == ["succeeded", "succeeded"]
    assert [result.path for result in run.results] == [None, None]
    assert run.csvPath is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("played")
def test_a_node_that_cannot_be_segmented_does_not_stop_the_rest(
    logic: Any, volume_nodes: list[Any], scene: Any, make_volume: Callable[..., Any]
) -> None:
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "No voxels")
    removed = make_volume(blobs(SHAPE_KJI), "Removed")
    run = logic.queue([volume_nodes[0], empty, removed, volume_nodes[1]], "threshold", wait=False)
    scene.RemoveNode(removed)
    run.wait()
    assert [result.state for result in run.results] == ["succeeded", "failed", "failed", "succeeded"]
    assert isinstance(run.results[1].error, InputError)
    assert "removed" in run.results[2].error.problem
    assert run.error is run.results[1].error
    assert "No voxels: " in run.details
    assert "Removed: " in run.details


def test_cancelling_ends_all(logic: Any, images: Path, tmp_path: Path, played: Any) -> None:
    played.held = True
    run = logic.queue([images / "a.nii.gz", images / "c.mha"], "threshold", tmp_path / "results", wait=False)
    run.cancel()
    run.wait()
    assert run.state == "stopped"
    assert isinstance(run.outcome, Stopped)
    assert [result.state for result in run.results] == ["stopped", "stopped"]
    assert len(played.requests) == 1
    assert [line["status"] for line in table(run.csvPath)] == ["stopped", "stopped"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["volumes.csv"]


@pytest.mark.usefixtures("played")
def test_cancelling_keeps_what_is_done(logic: Any, volume_nodes: list[Any], tmp_path: Path) -> None:
    def cancel_in_the_second_case(update: Any) -> None:
        if update.item == 2:
            run.cancel()

    run = logic.queue(volume_nodes, "threshold", tmp_path, wait=False, onProgress=cancel_in_the_second_case)
    run.wait()
    assert [result.state for result in run.results] == ["succeeded", "stopped"]
    assert run.results[0].path.exists()
    assert [line["status"] for line in table(run.csvPath)] == ["succeeded", "stopped"]


@pytest.mark.usefixtures("played")
def test_progress_tells_of_the_whole_queue(logic: Any, volume_nodes: list[Any]) -> None:
    updates: list[Any] = []
    logic.queue(volume_nodes, "threshold", onProgress=updates.append)
    assert [(u.item, u.items, u.name, u.overall) for u in updates] == [(1, 2, "CT: 1/2", 0.25), (2, 2, "CT: 1?2", 0.75)]


@pytest.mark.usefixtures("played")
def test_earlier_results_are_not_replaced_unless_asked(
    logic: Any, volume_nodes: list[Any], make_volume: Callable[..., Any], tmp_path: Path, played: Any
) -> None:
    first = logic.queue(volume_nodes[:1], "threshold", tmp_path)
    before = first.results[0].path.read_bytes()
    with pytest.raises(OutputError, match=r"exists already.*CT_ 1_2.seg.nrrd, volumes.csv"):
        logic.queue(volume_nodes[:1], "threshold", tmp_path)
    assert len(played.requests) == 1
    other = make_volume(blobs(SHAPE_KJI, 9), "CT: 1/2")
    second = logic.queue([other], "threshold", tmp_path, overwrite=True)
    assert second.results[0].path == first.results[0].path
    assert second.results[0].path.read_bytes() != before


@pytest.mark.usefixtures("played")
def test_a_case_that_fails_anew_does_not_pass_its_earlier_file_off_as_new(
    logic: Any, make_volume: Callable[..., Any], tmp_path: Path
) -> None:
    earlier = logic.queue([make_volume(blobs(SHAPE_KJI), "CT")], "threshold", tmp_path).results[0].path.read_bytes()
    failing = make_volume(np.zeros(SHAPE_KJI, dtype=np.float32), "CT")
    run = logic.queue([failing], "threshold", tmp_path, overwrite=True)
    (line,) = table(run.csvPath)
    assert (line["status"], line["voxels"]) == ("failed", "")
    assert line["message"].endswith("The file CT.seg.nrrd is from an earlier queue.")
    assert run.results[0].path is None
    assert (tmp_path / "CT.seg.nrrd").read_bytes() == earlier


@pytest.mark.usefixtures("played")
def test_a_disk_that_fails_ends_the_queue_with_the_reason(
    logic: Any, volume_nodes: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDSegmentatorLib import batch

    run = logic.queue(volume_nodes, "threshold", tmp_path, wait=False)

    def full(_rows: Any, path: Path) -> None:
        raise OutputError("The result could not be written.", found="No space left on device", path=path)

    monkeypatch.setattr(batch, "write_volumes_csv", full)
    run.wait()
    assert run.state == "failed"
    assert run.error.found == "No space left on device"
    assert run.results[1].state == "stopped"


def test_what_cannot_start_is_refused_at_once(logic: Any, images: Path, volume_nodes: list[Any], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Files need a folder"):
        logic.queue(images, "threshold")
    with pytest.raises(InputError, match="The queue is empty"):
        logic.queue([], "threshold")
    with pytest.raises(InputError, match="mixes files and nodes"):
        logic.queue([images, volume_nodes[0]], "threshold", tmp_path)
    with pytest.raises(InputError, match="no such file"):
        logic.queue(tmp_path / "missing", "threshold", tmp_path)
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="ascii")
    with pytest.raises(OutputError, match="cannot be made"):
        logic.queue(images, "threshold", blocked / "results")


def test_results_do_not_go_among_the_slices_of_a_series(logic: Any, tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "slice1").write_bytes(b"DICM")
    with pytest.raises(OutputError, match="among the files of a DICOM series"):
        logic.queue(series, "threshold", series)


@pytest.mark.usefixtures("played")
def test_two_channels_from_nodes(logic: Any, volume_nodes: list[Any], tmp_path: Path) -> None:
    run = logic.queue([volume_nodes], "larger", tmp_path)
    (result,) = run.results
    assert result.state == "succeeded", result.error
    first, second = (slicer.util.arrayFromVolume(node) for node in volume_nodes)
    assert np.array_equal(segment_array(result.segmentationNode, "Segment_1", volume_nodes[0]), second > first)


def test_the_files_of_the_user_are_read_where_they_are(logic: Any, images: Path, tmp_path: Path, played: Any) -> None:
    logic.queue(str(images / "a.nii.gz"), "threshold", tmp_path / "results")
    (request,) = played.requests
    assert request.volume_paths == (images / "a.nii.gz",)


def test_exported_volumes_are_cases_too(logic: Any, volume_nodes: list[Any], tmp_path: Path, played: Any) -> None:
    path = export_volume(volume_nodes[0], tmp_path, "exported")
    run = logic.queue([path], "threshold", tmp_path / "results")
    assert run.results[0].name == "exported"
    assert run.results[0].state == "succeeded"
