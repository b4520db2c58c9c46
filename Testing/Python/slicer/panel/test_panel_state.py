"""What the panel shows and allows without a run: first use, choices, keyboard, scene, reload."""

from __future__ import annotations

from pathlib import Path

import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.shipped import HIPPOCAMPUS


def sentence(panel) -> str:
    return panel.status.sentence_label.text


def test_opening_the_panel_opens_no_window(panel, hands, run_events) -> None:
    run_events(0.1)
    assert hands.dialogs() == ()
    assert [w for w in qt.QApplication.topLevelWidgets() if w.visible and w.inherits("QDialog")] == []


def test_first_use_says_what_to_do_next(panel, add_volume, run_events) -> None:
    assert not panel.ui.segmentButton.enabled
    assert sentence(panel).startswith("Load a CT or MR volume first")
    add_volume("head")
    run_events(0.05)
    assert panel.ui.inputSelector.currentNode().GetName() == "head", "the only volume is chosen by itself"
    assert panel.ui.segmentButton.enabled
    assert sentence(panel) == ""


def test_no_volume_chosen(ready, hands) -> None:
    ready.ui.inputSelector.setCurrentNode(None)
    assert sentence(ready) == "Choose the volume to segment."
    assert not ready.ui.segmentButton.enabled


def test_a_label_map_is_no_input(panel, run_events) -> None:
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    run_events(0.05)
    assert panel.ui.inputSelector.currentNode() is None


def test_the_card_of_a_student_that_ships(panel, hands, run_events) -> None:
    hands.choose(panel.students.picker.combo, HIPPOCAMPUS.title)
    text = panel.students.picker.card_label.text
    for words in ("Anterior hippocampus", "MR, Hippocampus", "Dice 0.8", "n\u00a0=\u00a040", "CC-BY-SA-4.0", "1.5 MB"):
        assert words in text
    assert "research use only" in panel.students.picker.notice_label.text
    assert "Not made for whole heads" in text
    assert "Vanderbilt" not in text
    hands.click(panel.students.picker.more_button)
    assert "Vanderbilt" in panel.students.picker.card_label.text
    assert not panel.students.picker.remove_button.enabled, "the student that ships cannot be removed"


def test_a_volume_of_another_modality_is_a_warning(ready) -> None:
    volume = ready.ui.inputSelector.currentNode()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    item = hierarchy.CreateItem(study, volume)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "CT")
    ready.update()
    assert "is CT, but the student was trained on MR" in sentence(ready)
    assert ready.ui.segmentButton.enabled


def test_a_ceiling_that_is_too_low_is_refused_with_numbers(ready, wait_until, hands) -> None:
    ready.ui.memorySpin.value = 0.1
    wait_until(lambda: "of memory, and" in sentence(ready), 5, "the refusal")
    assert "102 MiB are allowed" in sentence(ready) and "close other programs" not in sentence(ready)
    assert not ready.ui.segmentButton.enabled
    ready.ui.memorySpin.value = 0.0
    wait_until(lambda: ready.ui.segmentButton.enabled, 5, "automatic again")


def test_every_choice_lives_in_the_parameter_node(ready, hands) -> None:
    ready.ui.threadsSpin.value = 3
    ready.ui.memorySpin.value = 2.5
    hands.click(ready.ui.volumesTableCheck)
    ready.ui.advancedCollapsible.collapsed = False
    hands.tick(ready.ui.mirroringCheck, False)
    hands.click(ready.structures.summary_button)
    hands.tick(ready.structures.list.item(0), False)
    chosen = ready.parameters
    assert (chosen.threads, chosen.memoryGib, chosen.volumesTable, chosen.mirroring) == (3, 2.5, True, False)
    assert (chosen.student, chosen.leftOut) == (HIPPOCAMPUS.identifier, [1])
    assert ready.options() == {
        "structures": (2,),
        "threads": 3,
        "memoryBytes": int(2.5 * 1024**3),
        "engine": "auto",
        "mirroring": False,
    }


def test_choices_survive_saving_and_loading_the_scene(ready, hands, tmp_path: Path, run_events) -> None:
    ready.ui.threadsSpin.value = 3
    hands.click(ready.structures.summary_button)
    hands.tick(ready.structures.list.item(0), False)
    ready.ui.show3DCheck.checked = False
    volume = ready.ui.inputSelector.currentNode()
    slicer.util.saveNode(volume, str(tmp_path / "crop.nrrd"))
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    assert slicer.mrmlScene.Commit()
    slicer.mrmlScene.Clear(0)
    run_events(0.05)
    assert sentence(ready).startswith("Load a CT or MR volume first")
    assert ready.ui.threadsSpin.value == 0
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    assert slicer.mrmlScene.Import()
    run_events(0.05)
    assert ready.ui.threadsSpin.value == 3
    assert not ready.ui.show3DCheck.checked
    assert ready.structures.chosen() == {2}
    assert ready.ui.inputSelector.currentNode().GetName() == "crop"
    assert ready.ui.segmentButton.enabled


def test_a_scene_that_asks_for_an_absent_student(ready) -> None:
    ready.parameters.student = "liver-2.0.0"
    assert sentence(ready).startswith("The student liver-2.0.0 is not installed here.")
    assert not ready.ui.segmentButton.enabled
    assert not ready.students.picker.card_frame.visible


def test_a_choice_by_program_shows(ready) -> None:
    ready.parameters.leftOut = [2]
    ready.parameters.engine = "cpu"
    assert ready.structures.chosen() == {1}
    assert ready.ui.engineCombo.currentText == "Processor"


def test_many_structures_can_be_searched(ready, hands) -> None:
    from KDSegmentatorLib.presentation.structures import Structure

    structures = [
        Structure(i, f"{side} rib {n}", (200, 180, 90))
        for i, (side, n) in enumerate(((side, n) for side in ("Left", "Right") for n in range(1, 13)), start=1)
    ]
    ready.structures.show_structures(structures, frozenset(range(1, 25)))
    hands.click(ready.structures.summary_button)
    hands.type(ready.structures.search, "right rib 1")
    shown = [i for i in range(24) if not ready.structures.list.item(i).isHidden()]
    assert shown == [12, 21, 22, 23]
    hands.click(ready.structures.none_button)
    assert ready.structures.summary_button.text == "20 of 24 structures"


def test_tab_visits_the_panel_from_top_to_bottom(ready) -> None:
    wanted = [
        ready.students.picker.combo,
        ready.students.picker.add_button,
        ready.students.picker.more_button,
        ready.structures.summary_button,
        ready.ui.show3DCheck,
        ready.ui.volumesTableCheck,
        ready.ui.segmentButton,
    ]
    visited, widget = [], wanted[0]
    for _ in range(200):
        if widget in wanted:
            visited.append(widget)
        widget = widget.nextInFocusChain()
        if widget is wanted[0]:
            break
    assert [w.objectName for w in visited] == [w.objectName for w in wanted]


@pytest.mark.parametrize("box", ["segmentCollapsible", "advancedCollapsible"])
def test_no_letter_is_taken_twice(ready, box: str) -> None:
    letters = []
    for widget in getattr(ready.ui, box).findChildren(qt.QWidget):
        text = getattr(widget, "text", "")
        if isinstance(text, str) and "&" in text.replace("&&", ""):
            letters.append(text[text.index("&") + 1].upper())
    assert len(letters) >= 4
    assert sorted(letters) == sorted(set(letters))
    assert not set(letters) & set("FEVH"), "these open Slicer's menus"


@pytest.mark.parametrize("key", ["Key_Return", "Key_Enter"])
def test_return_starts_and_never_cancels(ready, hands, monkeypatch, key: str) -> None:
    started = []
    monkeypatch.setattr(ready.logic, "segment", lambda *args, **options: started.append(args))
    ready.ui.show3DCheck.setFocus()
    hands.press(ready.ui.show3DCheck, getattr(qt.Qt, key))
    assert len(started) == 1
    hands.press(ready.ui.segmentButton, getattr(qt.Qt, key))
    assert len(started) == 1
    assert ready.ui.segmentButton.text == "&Cancel"


def test_reload_makes_a_working_panel(ready, run_events) -> None:
    slicer.util.getModuleWidget("KDSegmentator").onReload()
    run_events(0.1)
    fresh = slicer.util.getModuleWidget("KDSegmentator").panel
    assert fresh is not ready
    assert type(fresh) is not type(ready), "the library is loaded again as well"
    assert fresh.ui.segmentButton.enabled
    assert ready.parameters is None


def test_closing_the_scene_empties_the_panel(ready, run_events) -> None:
    slicer.mrmlScene.Clear(0)
    run_events(0.05)
    assert ready.ui.inputSelector.currentNode() is None
    assert sentence(ready).startswith("Load a CT or MR volume first")


def test_a_panel_that_was_left_does_not_write_into_the_scene(open_panel, students_folder, monkeypatch) -> None:
    """Also in Slicer 5.8, where connecting by connectGui returned nothing to disconnect with."""
    from KDSegmentatorLib.parameters import KDSegmentatorParameterNode

    connect = KDSegmentatorParameterNode.connectGui
    monkeypatch.setattr(KDSegmentatorParameterNode, "connectGui", lambda self, gui: (connect(self, gui), None)[1])
    widget = open_panel("KDSegmentator")
    parameters = widget.panel.parameters
    widget.panel.ui.threadsSpin.value = 3
    assert parameters.threads == 3
    widget.exit()
    widget.panel.ui.threadsSpin.value = 5
    assert parameters.threads == 3
