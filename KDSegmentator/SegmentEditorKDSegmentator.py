"""Hidden module that registers the Segment Editor effect "KD Segmentator"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

import slicer

__all__ = ["SegmentEditorKDSegmentator", "SegmentEditorKDSegmentatorTest"]


class SegmentEditorKDSegmentator(ScriptedLoadableModule):
    """What Slicer knows of the effect before the Segment Editor is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("SegmentEditorKDSegmentator")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["KDSegmentator contributors"]
        parent.hidden = True
        parent.helpText = _("This hidden module registers the Segment Editor effect KD Segmentator.")
        parent.acknowledgementText = ""
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self) -> None:
        """Offer the effect to every Segment Editor that is opened from now on."""
        from qSlicerSegmentationsEditorEffectsPythonQt import qSlicerSegmentEditorScriptedEffect

        effect = qSlicerSegmentEditorScriptedEffect(None)
        effect.setPythonSource((Path(__file__).parent / "SegmentEditorKDSegmentatorLib" / "SegmentEditorEffect.py").as_posix())
        effect.self().register()


class SegmentEditorKDSegmentatorTest(ScriptedLoadableModuleTest):
    """Self test for Slicer's own test runner: the effect is there, and nothing heavy was loaded for it."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Look for the effect among those that the Segment Editor offers."""
        self.setUp()
        widget = slicer.qMRMLSegmentEditorWidget()
        widget.setMRMLScene(slicer.mrmlScene)
        self.assertIn("KD Segmentator", widget.availableEffectNames())
