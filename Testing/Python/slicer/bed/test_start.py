"""The bed starts, and the scene is empty again in every test."""

from __future__ import annotations

import pytest
import qt

import slicer


@pytest.mark.parametrize("attempt", [1, 2])
def test_the_scene_is_empty_in_every_test(attempt: int) -> None:
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "left over")
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_what_a_new_scene_has_is_there_again() -> None:
    assert slicer.mrmlScene.GetSubjectHierarchyNode() is not None
    assert slicer.mrmlScene.GetNodeByID("vtkMRMLColorTableNodeGrey") is not None


def test_a_dialog_is_answered(hands) -> None:
    hands.answer("Yes")
    assert slicer.util.confirmYesNoDisplay("Install?") is True
    assert "Install?" in hands.dialogs()[0]
    hands.answer(qt.QMessageBox.No)
    assert slicer.util.confirmYesNoDisplay("Really?") is False


def test_an_unannounced_dialog_is_closed_and_counts_as_an_error(slot_errors) -> None:
    slicer.util.errorDisplay("Something broke", detailedText="why")
    assert "Something broke" in str(slot_errors()[0])


def test_a_chosen_file_comes_back_as_text(hands, tmp_path) -> None:
    hands.answer_files(tmp_path / "a.zip")
    assert qt.QFileDialog.getOpenFileName(None, "Add", "", "*.zip") == str(tmp_path / "a.zip")
    hands.answer_files()
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == ""
