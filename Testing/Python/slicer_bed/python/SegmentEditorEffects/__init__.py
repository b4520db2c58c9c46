"""Stand-in for ``SegmentEditorEffects``: the base class of scripted effects."""

from __future__ import annotations

from .AbstractScriptedSegmentEditorEffect import AbstractScriptedSegmentEditorEffect

__all__ = ["AbstractScriptedSegmentEditorEffect"]
