"""Several volumes, a folder and a sequence, out of the way but reachable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.threshold_student import write_threshold_student


@pytest.fixture
def queue(panel, add_volume, tmp_path: Path, run_events):
    """The unfolded queue with two volumes, and a student that answers quickly."""
    panel.students.add(str(write_threshold_student(tmp_path)))
    for name in ("first", "second"):
        add_volume(name, shape=(12, 14, 10))
    run_events(0.05)
    panel.ui.batchCollapsible.collapsed = False
    run_events(0.05)
    return panel.batch


def rows(queue) -> list[tuple[str, str]]:
    table = queue.view.table
    return [(table.item(i, 0).text(), table.item(i, 1).text()) for i in range(table.rowCount)]


def sentence(queue) -> str:
    return queue.view.status.sentence_label.text


def segmentations() -> list:
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


@pytest.fixture
def until_idle(wait_until):
    def wait(queue) -> None:
        wait_until(lambda: queue.view.start_button.text not in ("Cancel all", "Stopping…"), 90, "the queue has ended")

    return wait


def test_the_queue_is_folded_away_at_first(panel) -> None:
    assert panel.ui.batchCollapsible.collapsed
    assert not panel.batch.view.start_button.visible


def test_all_loaded_volumes_one_after_the_other(queue, hands, until_idle) -> None:
    assert [name for name, _ in rows(queue)] == ["first", "second"]
    assert queue.view.start_button.text == "Segment 2 volumes"
    hands.click(queue.view.start_button)
    assert queue.view.start_button.text == "Cancel all"
    assert not queue._panel.ui.segmentButton.enabled
    assert [state for _, state in rows(queue)] == ["running", "waiting"]
    until_idle(queue)
    assert [state for _, state in rows(queue)] == ["done", "done"]
    assert sentence(queue) == "2 done"
    assert len(segmentations()) == 2
    assert queue._panel.ui.segmentButton.enabled


def test_only_what_is_checked(queue, hands, until_idle) -> None:
    hands.tick(queue.view.table.item(0, 0), False)
    assert queue.view.start_button.text == "Segment 1 volume"
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert [state for _, state in rows(queue)] == ["", "done"]
    assert len(segmentations()) == 1


def test_one_failure_does_not_stop_the_rest(queue, hands, until_idle) -> None:
    slicer.util.updateVolumeFromArray(slicer.util.getNode("first"), np.full((12, 14, 10), np.nan, np.float32))
    hands.click(queue.view.start_button)
    until_idle(queue)
    (_, first), (_, second) = rows(queue)
    assert first.startswith("failed: ")
    assert second == "done"
    assert sentence(queue) == "1 done, 1 failed"
    assert len(segmentations()) == 1


def test_cancel_all(queue, hands, until_idle) -> None:
    hands.click(queue.view.start_button)
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert {state for _, state in rows(queue)} == {"stopped"}
    assert segmentations() == []


def test_a_folder_of_images_into_a_folder_of_results(queue, hands, until_idle, tmp_path: Path) -> None:
    images, results = tmp_path / "images", tmp_path / "results"
    images.mkdir()
    results.mkdir()
    for name in ("first", "second"):
        slicer.util.saveNode(slicer.util.getNode(name), str(images / f"{name}.nrrd"))
    hands.choose(queue.view.source_combo, "Images in a folder")
    assert sentence(queue).startswith("Choose a folder with images")
    hands.answer_files(images)
    hands.click(queue.view.browse_button)
    assert [name for name, _ in rows(queue)] == ["first", "second"]
    assert sentence(queue) == "Choose a folder for the results."
    assert not queue.view.start_button.enabled
    hands.answer_files(results)
    hands.click(queue.view.results_button)
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert {path.name for path in results.iterdir()} == {"first.seg.nrrd", "second.seg.nrrd", "volumes.csv"}
    hands.click(queue.view.start_button)
    (error,) = [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
    assert "exists already" in next(c for c in error.findChildren(qt.QLabel) if c.objectName == "errorProblem").text
    assert queue.view.start_button.enabled


def test_the_frames_of_a_sequence(queue, hands, until_idle, run_events) -> None:
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    for index in range(2):
        sequence.SetDataNodeAtValue(slicer.util.getNode("first"), str(index))
    queue.refresh()
    hands.choose(queue.view.source_combo, "Sequence “cine” (2 volumes)")
    assert len(rows(queue)) == 2
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert [state for _, state in rows(queue)] == ["done", "done"]
    results = [n for n in slicer.util.getNodesByClass("vtkMRMLSequenceNode") if n is not sequence]
    assert [n.GetNumberOfDataNodes() for n in results] == [2]


def test_closing_the_scene_ends_the_queue(queue, hands, wait_until, run_events) -> None:
    folder = Path(slicer.app.temporaryPath)
    before = {path.name for path in folder.iterdir()}
    hands.click(queue.view.start_button)
    slicer.mrmlScene.Clear(0)
    run_events(0.1)
    assert rows(queue) == []
    wait_until(lambda: {path.name for path in folder.iterdir()} == before, 30, "the private folder is gone")
    assert segmentations() == []
