"""The base class of effects that paint nothing themselves."""

from __future__ import annotations

import slicer


class AbstractScriptedSegmentEditorEffect:
    """``scriptedEffect`` is Slicer's object of the effect."""

    def __init__(self, scriptedEffect) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        """Offer the effect in every editor."""
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self) -> None:
        """Let everything go; an effect overrides this."""
