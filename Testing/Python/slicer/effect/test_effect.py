"""The effect in a Segment Editor: chosen, used by clicks, cancelled, taken back, and gone without a trace."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import qt

import slicer
from kdseg.errors import OutputError
from kdseg_testing.shipped import HIPPOCAMPUS
from kdseg_testing.threshold_student import STRUCTURE
from KDSegmentatorLib.mrml.volumes import voxels_of
from KDSegmentatorLib.widgets import error_dialog

NAME = "KD Segmentator"
THRESHOLD = "threshold 1.0.0"


@pytest.fixture
def registered(bed, load_module, students):
    """The hidden module, loaded as at the start of Slicer, and students whose labels are known."""
    qt.QSettings().setValue("KDSegmentator/StudentsFolder", str(students))
    slicer.qSlicerSegmentEditorEffectFactory.instance()._forget()
    module = load_module("SegmentEditorKDSegmentator")
    slicer.app.startupCompleted.emit()
    return module


@pytest.fixture
def open_editor(registered, crop_editor, run_events):
    """Return a function that opens a Segment Editor on the volume, with the effect chosen; they go when the test ends."""
    opened = []

    def open_(name: str = NAME):
        widget = slicer.qMRMLSegmentEditorWidget()
        opened.append(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        widget.setMRMLSegmentEditorNode(crop_editor.node)
        widget.setSegmentationNode(crop_editor.segmentation)
        widget.setSourceVolumeNode(crop_editor.volume)
        widget.show()
        widget.setActiveEffectByName(name)
        run_events(0.02)
        return widget

    yield open_
    error_dialog.close_all()
    for widget in opened:
        widget._close()


@pytest.fixture
def editor(open_editor):
    return open_editor()


@pytest.fixture
def control(editor, hands):
    """The effect's control, with the threshold student chosen."""
    control = editor.activeEffect().self().control
    hands.choose(control.options.student_combo, THRESHOLD)
    return control


@pytest.fixture
def until_done(wait_until):
    return lambda control: wait_until(lambda: control.options.apply_button.text == "Apply", 60, "the run has ended")


@pytest.fixture
def truth(crop_editor):
    return voxels_of(crop_editor.volume) > 0


def status(control) -> str:
    return control.options.status.sentence_label.text


def shown_errors() -> list[str]:
    return [dialog.problem_label.text for dialog in error_dialog._open_dialogs]


def test_the_hidden_module_offers_the_effect(registered) -> None:
    assert registered.hidden
    (effect,) = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
    assert effect.name == NAME
    assert (effect.perSegment, effect.requireSegments) == (False, False)
    assert not effect.icon().isNull()
    assert "For research only" in effect.helpText()


def test_nothing_heavy_is_loaded_before_the_effect_is_chosen(repository) -> None:
    code = """
import sys, slicer_bed
bed = slicer_bed.start()
bed.load_module("SegmentEditorKDSegmentator")
import slicer
slicer.app.startupCompleted.emit()
editor = slicer.qMRMLSegmentEditorWidget()
editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNode(slicer.vtkMRMLSegmentEditorNode()))
heavy = {"KDSegmentatorLib", "kdseg", "SimpleITK", "onnxruntime", "skimage", "scipy", "torch"}
print(editor.availableEffectNames(), sorted(heavy & set(sys.modules)))
"""
    folders = [repository / "KDSegmentator", repository / "Testing/Python"]
    code = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n" + code
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"('{NAME}',) []"


def test_all_structures_by_clicks_and_one_undo(editor, control, crop_editor, truth, hands, until_done) -> None:
    hands.click(control.options.apply_button)
    assert control.options.apply_button.text == "Cancel"
    assert control.options.progress.bar.visible
    assert not control.options.student_combo.enabled
    until_done(control)
    assert shown_errors() == []
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), truth)
    assert status(control).startswith("Done in ")
    assert control.options.student_combo.enabled
    assert not control.options.progress.bar.visible
    editor.undo()
    assert crop_editor.names() == []
    editor.redo()
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), truth)


def test_one_structure_into_the_selected_segment(control, crop_editor, truth, cells, hands, until_done) -> None:
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=truth.shape))
    crop_editor.node.SetSelectedSegmentID("mine")
    hands.choose(control.options.structure_combo, f"{STRUCTURE} into the selected segment")
    hands.click(control.options.apply_button)
    until_done(control)
    assert crop_editor.names() == ["mine"]
    assert np.array_equal(crop_editor.voxels("mine"), truth)


def test_without_a_selected_segment_a_message_says_so(control, crop_editor, hands) -> None:
    hands.choose(control.options.structure_combo, f"{STRUCTURE} into the selected segment")
    hands.click(control.options.apply_button)
    assert shown_errors() == ["No segment is selected."]
    assert control.options.apply_button.text == "Apply"


def test_a_hidden_segment_is_written_only_after_a_yes(control, crop_editor, cells, truth, hands) -> None:
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=truth.shape))
    crop_editor.node.SetSelectedSegmentID("mine")
    crop_editor.segmentation.GetDisplayNode().SetSegmentVisibility("mine", False)
    hands.choose(control.options.structure_combo, f"{STRUCTURE} into the selected segment")
    hands.answer("Cancel")
    hands.click(control.options.apply_button)
    assert control.options.apply_button.text == "Apply"
    assert np.array_equal(crop_editor.voxels("mine"), cells(slice(0, 2), shape=truth.shape))


def test_a_region_of_interest_is_chosen_and_kept(control, crop_editor, truth, hands, until_done) -> None:
    roi = crop_editor.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetSize(8.0, 8.0, 8.0)
    roi.SetCenter(*(np.array([[0, -1, 0], [0.8, 0, -0.6], [0.6, 0, 0.8]]) @ (8, 8, 7) + (12, -7, 30)))
    hands.choose_node(control.options.roi_selector, roi)
    assert crop_editor.node.GetNodeReference(f"{NAME}.RegionOfInterest") is roi
    hands.click(control.options.apply_button)
    until_done(control)
    found = crop_editor.voxels(crop_editor.id_of(STRUCTURE))
    assert 0 < found.sum() < truth.sum()
    assert not (found & ~truth).any()


def test_cancel_by_click(control, crop_editor, hands, until_done) -> None:
    hands.click(control.options.apply_button)
    hands.click(control.options.apply_button)
    assert control.options.apply_button.text == "Stopping…"
    assert not control.options.apply_button.enabled
    until_done(control)
    assert status(control) == "Stopped. Nothing was changed."
    assert crop_editor.names() == []
    assert shown_errors() == []


def test_a_segmentation_that_disappears_is_told(control, crop_editor, hands, until_done) -> None:
    hands.click(control.options.apply_button)
    crop_editor.scene.RemoveNode(crop_editor.segmentation)
    until_done(control)
    (problem,) = shown_errors()
    assert problem.startswith("The segmentation was removed")
    assert "Not segmented" in status(control)


def test_slicer_can_be_used_meanwhile_and_another_effect_does_not_stop_the_run(
    editor, control, crop_editor, truth, hands, until_done, bed
) -> None:
    hands.click(control.options.apply_button)
    editor.setActiveEffectByName("")
    assert not control.options.apply_button.visible
    turns = 0
    while control.options.apply_button.text != "Apply":
        bed.run_events(0.01)
        turns += 1
    assert turns > 10
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), truth)
    editor.setActiveEffectByName(NAME)
    assert control.options.apply_button.visible


def test_a_result_of_another_segmentation_does_not_get_into_this_ones_history(
    editor, control, crop_editor, truth, hands, until_done
) -> None:
    other = crop_editor.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    hands.click(control.options.apply_button)
    editor.setSegmentationNode(other)
    until_done(control)
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), truth)
    assert other.GetSegmentation().GetNumberOfSegments() == 0
    assert not editor._logic.CanUndo()


def test_the_choices_stay_in_the_scene(open_editor, control, crop_editor, hands) -> None:
    hands.choose(control.options.structure_combo, f"{STRUCTURE} into the selected segment")
    again = open_editor().activeEffect().self().control
    assert again.options.student_combo.currentText == THRESHOLD
    assert again.options.structure_combo.currentText == f"{STRUCTURE} into the selected segment"


def test_another_student_starts_with_all_its_structures(control, hands) -> None:
    hands.choose(control.options.structure_combo, f"{STRUCTURE} into the selected segment")
    hands.choose(control.options.student_combo, HIPPOCAMPUS.title)
    box = control.options.structure_combo
    assert [box.itemText(index) for index in range(box.count)] == [
        "All structures",
        "Anterior hippocampus into the selected segment",
        "Posterior hippocampus into the selected segment",
    ]
    assert box.currentText == "All structures"


def test_a_student_of_two_channels_is_refused_by_name(control, hands) -> None:
    hands.choose(control.options.student_combo, "two-channels 1.0.0")
    hands.click(control.options.apply_button)
    (problem,) = shown_errors()
    assert "several volumes" in problem


def test_a_no_to_the_installation_starts_nothing(control, crop_editor, hands, monkeypatch) -> None:
    monkeypatch.setattr(control.installation, "ensure", lambda: False)
    hands.click(control.options.apply_button)
    assert "was not installed" in status(control)
    assert control.options.apply_button.text == "Apply"


def test_closing_the_scene_ends_the_run_without_a_word(control, hands, wait_until) -> None:
    from KDSegmentatorLib.jobs.running import jobs_are_running

    hands.click(control.options.apply_button)
    slicer.mrmlScene.Clear()
    wait_until(lambda: not jobs_are_running(), 20)
    assert shown_errors() == []
    assert status(control) == ""
    assert control.options.apply_button.text == "Apply"


def test_cleanup_ends_the_run_and_lets_the_scene_go(editor, control, hands, wait_until, crop_editor) -> None:
    from KDSegmentatorLib.jobs.running import jobs_are_running

    hands.click(control.options.apply_button)
    effect = editor.activeEffect().self()
    observers = slicer.mrmlScene.HasObserver(slicer.mrmlScene.StartCloseEvent)
    assert observers
    editor._close()
    assert effect.control is None
    wait_until(lambda: not jobs_are_running(), 20)
    assert crop_editor.names() == []
    assert shown_errors() == []


def test_what_goes_wrong_inside_a_slot_is_shown(control, hands, monkeypatch) -> None:
    def fail(*_arguments):
        raise OutputError("Nothing works.", remedy="Do something else.")

    monkeypatch.setattr("KDSegmentatorLib.effect.request.request_from_editor", fail)
    hands.click(control.options.apply_button)
    assert shown_errors() == ["Nothing works."]


def test_a_new_apply_takes_the_old_sentence_away(control, crop_editor, hands, until_done, monkeypatch) -> None:
    hands.click(control.options.apply_button)
    until_done(control)
    assert status(control).startswith("Done in ")

    def fail(*_arguments):
        raise OutputError("Nothing works.", remedy="Do something else.")

    monkeypatch.setattr("KDSegmentatorLib.effect.request.request_from_editor", fail)
    hands.click(control.options.apply_button)
    assert status(control) == "Not segmented: Nothing works."
