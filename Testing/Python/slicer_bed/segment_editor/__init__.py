"""The Segment Editor: its effects and its widget around the real editor node, editor logic and undo history."""

from __future__ import annotations

import sys
import types

import slicer

from . import effect, factory, widget


def install() -> None:
    """Put the classes where Slicer has them."""
    slicer.qSlicerSegmentEditorAbstractEffect = effect.qSlicerSegmentEditorAbstractEffect
    slicer.qSlicerSegmentEditorScriptedEffect = effect.qSlicerSegmentEditorScriptedEffect
    slicer.qSlicerSegmentEditorEffectFactory = factory.qSlicerSegmentEditorEffectFactory
    slicer.qMRMLSegmentEditorWidget = widget.qMRMLSegmentEditorWidget
    kit = types.ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    kit.qSlicerSegmentEditorScriptedEffect = effect.qSlicerSegmentEditorScriptedEffect
    sys.modules[kit.__name__] = kit
