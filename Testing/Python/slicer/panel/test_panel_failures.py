"""Failures: told in a dialog with a reason and a remedy, and never taken for a result."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.shipped import HIPPOCAMPUS


def segmentations() -> list:
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


def shown_dialog():
    """Return the error dialog that is open, or None."""
    for widget in qt.QApplication.topLevelWidgets():
        if widget.objectName == "KDSegmentatorError" and widget.visible:
            return widget
    return None


def part(dialog, name: str):
    (found,) = [child for child in dialog.findChildren(qt.QWidget) if child.objectName == name]
    return found


@pytest.fixture
def broken(ready):
    """The panel with a volume that no student can segment: all its voxels are equal."""
    volume = ready.ui.inputSelector.currentNode()
    slicer.util.updateVolumeFromArray(volume, np.full((40, 56, 40), 7, np.int16))
    return ready


def test_a_failure_tells_what_why_and_what_to_do(broken, hands, until_done, run_events) -> None:
    hands.click(broken.ui.segmentButton)
    until_done(broken)
    dialog = shown_dialog()
    assert dialog is not None
    problem, remedy = part(dialog, "errorProblem").text, part(dialog, "errorRemedy").text
    assert problem and "Traceback" not in problem
    assert "What to do:" in remedy
    assert broken.status.sentence_label.text.startswith(f"Not segmented: {problem}")
    assert segmentations() == []

    details = part(dialog, "errorDetails")
    assert not details.visible, "the technical text is folded"
    run_events(0.05)
    hands.click(part(dialog, "errorCopy"))
    assert problem in qt.QApplication.clipboard().text()
    hands.click(part(dialog, "errorClose"))
    run_events(0.05)
    assert shown_dialog() is None
    assert broken.ui.segmentButton.enabled


def test_an_earlier_result_is_kept_and_not_shown_as_new(ready, hands, until_done, run_events) -> None:
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (node,) = segmentations()
    before = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(0)).copy()
    slicer.util.updateVolumeFromArray(ready.ui.inputSelector.currentNode(), np.full((40, 56, 40), 7, np.int16))
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    sentence = ready.status.sentence_label.text
    assert sentence.startswith("Not segmented: ")
    assert f"“{node.GetName()}” still holds what it held before." in sentence
    assert segmentations() == [node]
    after = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(0))
    assert np.array_equal(before, after)


def test_a_process_that_dies_is_a_failure(ready, hands, until_done, wait_until) -> None:
    hands.click(ready.ui.segmentButton)
    wait_until(lambda: ready.progress.stage_label.text != "Starting…", 30, "the child speaks")
    pid = ready.run._run._job._process._pid
    assert pid > 0
    os.kill(pid, signal.SIGKILL)
    until_done(ready)
    assert ready.status.sentence_label.text.startswith("Not segmented: ")
    assert shown_dialog() is not None
    assert segmentations() == []


def test_a_student_that_changed_on_disk_is_refused(ready, hands, until_done, students_folder: Path) -> None:
    copied = students_folder / HIPPOCAMPUS.path.name
    students_folder.mkdir()
    data = HIPPOCAMPUS.path.read_bytes()
    copied.write_bytes(data)
    ready.logic.library.shipped_folder = students_folder.parent / "nothing"
    ready.refresh()
    copied.write_bytes(data[:-1000])
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert ready.status.sentence_label.text.startswith("Not segmented: ")
    assert str(copied) in part(shown_dialog(), "errorReasons").text


def test_a_run_that_cannot_start_is_told(ready, hands, monkeypatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(ready.logic, "segment", fail)
    hands.click(ready.ui.segmentButton)
    dialog = shown_dialog()
    assert "did not expect" in part(dialog, "errorProblem").text
    assert "no room" in part(dialog, "errorReasons").text
    hands.click(part(dialog, "errorDetailsButton"))
    assert "RuntimeError: no room" in part(dialog, "errorDetails").plainText
    assert ready.ui.segmentButton.text == "&Segment"
    assert ready.status.sentence_label.text.startswith("Not segmented")


def test_what_a_dialog_shows_is_text_and_no_markup(panel) -> None:
    from KDSegmentatorLib.presentation.failures import FailureView
    from KDSegmentatorLib.widgets.error_dialog import show_failure

    view = FailureView("<b>x</b>", (("Found", "<img src='file:///x.png'>"),), "<a href='x'>y</a>", "")
    dialog = show_failure(view, panel.root)
    assert "&lt;img" in dialog.reasons_label.text
    assert "&lt;a" in dialog.remedy_label.text
    assert dialog.problem_label.textFormat == qt.Qt.PlainText
    assert not dialog.details_button.visible


def test_closing_the_scene_during_a_run(ready, hands, wait_until, run_events) -> None:
    folder = Path(slicer.app.temporaryPath)
    before = {path.name for path in folder.iterdir()}
    hands.click(ready.ui.segmentButton)
    wait_until(lambda: ready.progress.stage_label.text != "Starting…", 30, "the child speaks")
    slicer.mrmlScene.Clear(0)
    run_events(0.1)
    assert ready.ui.segmentButton.text == "&Segment"
    assert ready.status.sentence_label.text.startswith("Load a CT or MR volume first")
    wait_until(lambda: {path.name for path in folder.iterdir()} == before, 30, "the private folder is gone")
    assert segmentations() == []
    assert shown_dialog() is None


def test_a_volume_that_is_removed_during_a_run(ready, hands, until_done, wait_until) -> None:
    hands.click(ready.ui.segmentButton)
    wait_until(lambda: ready.progress.stage_label.text != "Starting…", 30, "the child speaks")
    slicer.mrmlScene.RemoveNode(ready.ui.inputSelector.currentNode())
    until_done(ready)
    assert segmentations() == []
    assert ready.status.sentence_label.text != ""
    assert not ready.status.sentence_label.text.startswith("Done")


def test_reload_during_a_run_ends_it(ready, hands, wait_until) -> None:
    folder = Path(slicer.app.temporaryPath)
    before = {path.name for path in folder.iterdir()}
    hands.click(ready.ui.segmentButton)
    wait_until(lambda: ready.progress.stage_label.text != "Starting…", 30, "the child speaks")
    slicer.util.getModuleWidget("KDSegmentator").onReload()
    wait_until(lambda: {path.name for path in folder.iterdir()} == before, 30, "the private folder is gone")
    assert segmentations() == []
