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


def error_dialogs() -> list:
    return [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]


def log(queue) -> str:
    return queue._panel.log.text.plainText


def make_constant(name: str) -> None:
    slicer.util.updateVolumeFromArray(slicer.util.getNode(name), np.full((12, 14, 10), 5, np.int16))


def test_the_end_of_an_abandoned_queue_does_not_end_the_next(queue, hands, until_idle, add_volume, run_events) -> None:
    hands.click(queue.view.start_button)
    queue.abandon()  # as a closing scene does; the run's end is told later
    queue.refresh()
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert [state for _, state in rows(queue)] == ["done", "done"]
    assert log(queue).count("The queue has ended") == 1


def test_volumes_of_the_same_name_are_told_apart(queue, hands, until_idle, tmp_path: Path) -> None:
    slicer.util.getNode("second").SetName("first")
    queue.refresh()
    assert [name for name, _ in rows(queue)] == ["first", "first_2"]
    hands.tick(queue.view.table.item(0, 0), False)
    assert queue.view.start_button.text == "Segment 1 volume"
    assert [name for name, _ in rows(queue)] == ["first", "first"]  # the file of the only one is first.seg.nrrd
    hands.tick(queue.view.table.item(0, 0), True)
    hands.answer_files(tmp_path / "results")
    (tmp_path / "results").mkdir()
    hands.click(queue.view.results_button)
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert rows(queue) == [("first", "done"), ("first_2", "done")]
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"first.seg.nrrd", "first_2.seg.nrrd", "volumes.csv"}


def test_a_failed_row_says_why_and_what_to_do(queue, hands, until_idle) -> None:
    make_constant("first")
    hands.click(queue.view.start_button)
    until_idle(queue)
    (error, _details) = queue._errors[slicer.util.getNode("first").GetID()]
    assert error.remedy
    tip = queue.view.table.item(0, 1).toolTip()
    assert error.problem in tip
    assert error.remedy in tip
    assert f"first failed: {error.problem}" in log(queue)
    assert error.remedy in log(queue)
    queue.view.table.cellDoubleClicked.emit(1, 0)  # a row that is done has nothing to tell
    assert error_dialogs() == []
    queue.view.table.cellDoubleClicked.emit(0, 1)
    (dialog,) = error_dialogs()
    assert next(c for c in dialog.findChildren(qt.QLabel) if c.objectName == "errorProblem").text == error.problem


def test_without_a_structure_the_queue_cannot_start(queue, hands) -> None:
    assert queue.view.start_button.enabled
    queue._panel.parameters.leftOut = [s.value for s in queue._panel.students.current.entries]
    assert not queue.view.start_button.enabled
    assert sentence(queue) == "Choose at least one structure above."
    queue._panel.parameters.leftOut = []
    assert queue.view.start_button.enabled


def test_a_volume_of_another_modality_is_told_in_the_log(queue, hands, until_idle) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    trained_on = queue._panel.students.current.document["modality"]
    for name, modality in (("first", trained_on), ("second", "PT")):
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), slicer.util.getNode(name))
        hierarchy.SetItemAttribute(item, "DICOM.Modality", modality)
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert "second: This volume is PT, but the student was trained on" in log(queue)
    assert "first: This volume is" not in log(queue)


def test_surfaces_and_tables_are_made_as_for_one_volume(queue, hands, until_idle) -> None:
    queue._panel.parameters.volumesTable = True
    queue._panel.parameters.show3D = False
    before = len(slicer.util.getNodesByClass("vtkMRMLTableNode"))
    hands.click(queue.view.start_button)
    until_idle(queue)
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == before + 2
    assert log(queue).count("Volumes are in the table") == 2


def test_an_empty_folder_after_a_good_one_leaves_no_rows(queue, hands, tmp_path: Path) -> None:
    good, empty = tmp_path / "good", tmp_path / "empty"
    good.mkdir()
    empty.mkdir()
    slicer.util.saveNode(slicer.util.getNode("first"), str(good / "first.nrrd"))
    hands.choose(queue.view.source_combo, "Images in a folder")
    for folder in (good, empty):
        hands.answer_files(folder)
        hands.click(queue.view.browse_button)
    assert rows(queue) == []
    assert not queue.view.start_button.enabled
    assert "empty" in sentence(queue)
    assert "holds no image" in sentence(queue)


def test_the_folder_of_results_can_be_forgotten(queue, hands, tmp_path: Path) -> None:
    assert not queue.view.no_results_button.visible
    hands.answer_files(tmp_path)
    hands.click(queue.view.results_button)
    assert queue.view.results_edit.text == str(tmp_path)
    hands.click(queue.view.no_results_button)
    assert queue.view.results_edit.text == ""
    assert not queue.view.no_results_button.visible


def test_a_failing_frame_is_the_one_that_is_marked(queue, hands, until_idle) -> None:
    make_constant("second")
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    for index, name in enumerate(("first", "second", "first")):
        sequence.SetDataNodeAtValue(slicer.util.getNode(name), str(index))
    queue.refresh()
    hands.choose(queue.view.source_combo, "Sequence “cine” (3 volumes)")
    hands.click(queue.view.start_button)
    until_idle(queue)
    first, second, third = (state for _, state in rows(queue))
    assert first == "computed, not kept: the result is made only when every frame succeeds"
    assert second.startswith("failed: ")
    assert third == "stopped"
    assert list(slicer.util.getNodesByClass("vtkMRMLSequenceNode")) == [sequence]
