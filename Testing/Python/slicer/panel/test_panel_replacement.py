"""A result never takes the place of something that cannot be computed again without a question."""

from __future__ import annotations

from pathlib import Path

import pytest
import qt
import slicer.util

import slicer
from KDSegmentatorLib.mrml.fingerprint import was_edited
from KDSegmentatorLib.panel.run_control import Order


def segmentations() -> list:
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


def first_voxels(node):
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(0))


def edit(node) -> None:
    """Take every second voxel of the first segment away, as an eraser does."""
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    voxels = first_voxels(node).copy()
    inside = voxels.nonzero()
    assert inside[0].size > 1
    voxels[tuple(axis[::2] for axis in inside)] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, node, identifier)


@pytest.fixture
def result(ready, hands, until_done):
    """The segmentation of a finished run; it is chosen as Result."""
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (node,) = segmentations()
    assert ready.ui.outputSelector.currentNode() is node
    return node


def test_an_untouched_result_is_replaced_without_a_question(ready, result, hands, until_done) -> None:
    result.CreateClosedSurfaceRepresentation()
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert hands.dialogs() == ()
    assert segmentations() == [result]


def test_corrections_are_kept_in_a_segmentation_of_their_own(ready, result, hands, until_done) -> None:
    edit(result)
    corrected = first_voxels(result).copy()
    hands.answer("Create new segmentation")
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (question,) = hands.dialogs()
    assert f"“{result.GetName()}” was changed by hand" in question
    assert len(segmentations()) == 2
    assert (first_voxels(result) == corrected).all()
    assert ready.ui.outputSelector.currentNode() is not result


def test_the_question_prefers_a_new_one(ready, result, hands, until_done) -> None:
    edit(result)

    def answer(dialog) -> None:
        (chosen,) = [button for button in dialog.findChildren(qt.QPushButton) if button.default]
        assert chosen.text == "Create &new segmentation"
        hands.click(chosen)

    hands.answer(answer)
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert len(segmentations()) == 2


def test_replace_and_cancel_do_what_they_say(ready, result, hands, until_done) -> None:
    edit(result)
    corrected = first_voxels(result).copy()
    hands.answer("Cancel")
    hands.click(ready.ui.segmentButton)
    assert ready.ui.segmentButton.text == "&Segment"
    assert (first_voxels(result) == corrected).all()
    hands.answer("Replace")
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert segmentations() == [result]
    assert first_voxels(result).sum() > corrected.sum()
    assert not was_edited(result)


def test_a_segment_that_was_added_or_renamed_is_a_change(result) -> None:
    segmentation = result.GetSegmentation()
    assert not was_edited(result)
    segment = segmentation.GetNthSegment(0)
    name = segment.GetName()
    segment.SetName("mine")
    assert was_edited(result)
    segment.SetName(name)
    assert not was_edited(result)
    segmentation.AddEmptySegment("lesion", "lesion")
    assert was_edited(result)


def test_saving_and_loading_is_no_change(ready, result, tmp_path: Path) -> None:
    volume = ready.ui.inputSelector.currentNode()
    assert slicer.util.saveNode(result, str(tmp_path / "result.seg.nrrd"))
    loaded = slicer.util.loadSegmentation(str(tmp_path / "result.seg.nrrd"))
    for name in result.GetAttributeNames():
        loaded.SetAttribute(name, result.GetAttribute(name))  # the scene's file has these
    assert not was_edited(loaded)
    loaded.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    edit(loaded)
    assert was_edited(loaded)


def test_the_result_of_another_student_is_asked_for(ready, result, hands, until_done) -> None:
    result.SetAttribute("KDSegmentator.Student", "liver 2.0.0")
    hands.answer("Create new segmentation")
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (question,) = hands.dialogs()
    assert "made by another student, liver 2.0.0" in question
    assert len(segmentations()) == 2


def test_another_student_starts_with_a_new_segmentation(ready, result) -> None:
    ready._student_chosen("liver-2.0.0")
    assert ready.ui.outputSelector.currentNode() is None


def test_a_segmentation_deleted_meanwhile_is_told(ready, result, hands, until_done) -> None:
    name = result.GetName()
    hands.click(ready.ui.segmentButton)
    slicer.mrmlScene.RemoveNode(result)
    until_done(ready)
    (node,) = segmentations()
    assert node is not result
    assert f"“{name}”, which was to take the result, was deleted meanwhile" in ready.status.sentence_label.text


def test_an_order_is_settled_before_anything_starts(ready, result, hands, monkeypatch) -> None:
    started: list[Order] = []
    monkeypatch.setattr(ready.run, "start", started.append)
    edit(result)
    hands.answer("Create new segmentation")
    hands.click(ready.ui.segmentButton)
    (order,) = started
    assert order.segmentation is None
