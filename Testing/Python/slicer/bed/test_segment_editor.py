"""The Segment Editor of the bed: effects are registered, cloned and opened; masking and undo are those of the real logic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import qt

import slicer

EFFECT = """
import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name, scriptedEffect.title = "Fill", "Fill it"
        scriptedEffect.requireSegments = {require}
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.calls = []

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects
        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__)
        return cloned

    def setupOptionsFrame(self):
        self.label = qt.QLabel("how")
        self.scriptedEffect.addLabeledOptionsWidget("Options:", self.label)

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Radius", 3)

    def activate(self):
        self.calls.append("activate")

    def deactivate(self):
        self.calls.append("deactivate")

    def updateGUIFromMRML(self):
        self.calls.append("gui")

    def cleanup(self):
        self.calls.append("cleanup")

    def fill(self):
        effect = self.scriptedEffect
        labelmap = effect.defaultModifierLabelmap()
        effect.saveStateForUndo()
        labelmap.GetPointData().GetScalars().Fill(1)
        effect.modifySelectedSegmentByLabelmap(labelmap, effect.ModificationModeAdd)
"""


@pytest.fixture
def register(tmp_path: Path):
    """Register the effect of this test, which is a file as extensions have it."""

    def register(*, require: bool = True):
        folder = tmp_path / f"SegmentEditorFill{tmp_path.name}Lib"
        folder.mkdir()
        file = folder / "SegmentEditorEffect.py"
        file.write_text(EFFECT.replace("{require}", str(require)), encoding="utf-8")
        effect = slicer.qSlicerSegmentEditorScriptedEffect(None)
        assert effect.setPythonSource(str(file))
        effect.self().register()

    return register


@pytest.fixture
def volume():
    return slicer.util.addVolumeFromArray(np.arange(24.0).reshape(2, 3, 4), name="source")


@pytest.fixture
def segmentation(scene, volume):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("one", "one")
    return node


@pytest.fixture
def editor(register, open_editor, volume, segmentation):
    register()
    editor = open_editor(volume, segmentation)
    editor.setCurrentSegmentID("one")
    return editor


def count(segmentation, volume) -> int:
    return int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "one", volume).sum())


def test_a_click_opens_the_effect_and_shows_its_options(editor, hands) -> None:
    effect = editor.effectByName("Fill")
    hands.click(editor.findChild(qt.QToolButton, "Fill"))
    assert editor.activeEffect() is effect
    assert "activate" in effect.self().calls
    assert effect.self().label.isVisible()
    editor.setActiveEffectByName("")
    assert effect.self().calls[-1] == "deactivate"
    assert not effect.self().label.isVisible()


def test_every_editor_has_an_effect_of_its_own(editor, open_editor, volume, segmentation) -> None:
    assert open_editor(volume, segmentation).effectByName("Fill").self() is not editor.effectByName("Fill").self()


def test_a_parameter_stands_in_the_editors_node_and_is_told(editor) -> None:
    effect = editor.effectByName("Fill")
    assert editor.mrmlSegmentEditorNode().GetAttribute("Fill.Radius") == "3"
    effect.setParameter("Radius", 5)
    assert effect.integerParameter("Radius") == 5
    assert effect.self().calls.count("gui") == 1
    effect.setParameterDefault("Radius", 7)
    assert effect.parameter("Radius") == "5"


def test_an_unknown_parameter_is_an_error(editor, slot_errors) -> None:
    assert editor.effectByName("Fill").parameter("Diameter") == ""
    assert "Diameter" in str(slot_errors()[0])


def test_a_change_can_be_taken_back_and_made_again(editor, hands, volume, segmentation) -> None:
    editor.setActiveEffectByName("Fill")
    editor.activeEffect().self().fill()
    assert count(segmentation, volume) == 24
    hands.click(editor.findChild(qt.QToolButton, "UndoButton"))
    assert count(segmentation, volume) == 0
    hands.click(editor.findChild(qt.QToolButton, "RedoButton"))
    assert count(segmentation, volume) == 24


def test_the_mask_of_the_editor_holds(editor, volume, segmentation) -> None:
    node = editor.mrmlSegmentEditorNode()
    node.SetSourceVolumeIntensityMask(True)
    node.SetSourceVolumeIntensityMaskRange(10, 13)
    editor.setActiveEffectByName("Fill")
    editor.activeEffect().self().fill()
    assert count(segmentation, volume) == 4


def test_without_segments_only_an_effect_that_makes_them_is_offered(register, open_editor, volume, segmentation) -> None:
    register(require=False)
    segmentation.GetSegmentation().RemoveAllSegments()
    editor = open_editor(volume, segmentation)
    assert editor.findChild(qt.QToolButton, "Fill").enabled


def test_without_segments_an_effect_that_needs_one_is_not_offered(register, open_editor, volume, segmentation) -> None:
    register()
    segmentation.GetSegmentation().RemoveAllSegments()
    assert not open_editor(volume, segmentation).findChild(qt.QToolButton, "Fill").enabled


def test_a_hidden_segment_is_asked_about(editor, hands, segmentation) -> None:
    effect = editor.effectByName("Fill")
    assert effect.confirmCurrentSegmentVisible() == effect.ConfirmedWithoutDialog
    segmentation.GetDisplayNode().SetSegmentVisibility("one", False)
    hands.answer(qt.QMessageBox.Cancel)
    assert effect.confirmCurrentSegmentVisible() == effect.NotConfirmed
    hands.answer(qt.QMessageBox.Yes)
    assert effect.confirmCurrentSegmentVisible() == effect.ConfirmedWithDialog
    assert segmentation.GetDisplayNode().GetSegmentVisibility("one")


def test_a_misspelt_property_of_the_effect_is_refused(editor) -> None:
    with pytest.raises(AttributeError):
        editor.effectByName("Fill").perSegments = False


def test_the_effect_is_cleaned_up_with_the_editor(editor, bed) -> None:
    python = editor.effectByName("Fill").self()
    editor.setActiveEffectByName("Fill")
    bed.reset()
    assert python.calls[-1] == "cleanup"
