"""The list of effects that editors offer."""

from __future__ import annotations

from PySide6 import QtCore
from PySide6.QtCore import Signal

from ..pythonqt.classes import stand_in


@stand_in
class qSlicerSegmentEditorEffectFactory(QtCore.QObject):
    """A singleton; `instance` returns it."""

    CPP_SIGNALS = ("effectRegistered(QString)",)
    effectRegistered = Signal(str)
    _only = []  # noqa: RUF012 - the singleton

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._effects: list = []

    @staticmethod
    def instance():
        """Return the factory."""
        if not qSlicerSegmentEditorEffectFactory._only:
            qSlicerSegmentEditorEffectFactory._only.append(qSlicerSegmentEditorEffectFactory())
        return qSlicerSegmentEditorEffectFactory._only[0]

    def registerEffect(self, effect) -> bool:
        """Add an effect; False if there is one of its name, or it has none."""
        if not effect.name or any(known.name == effect.name for known in self._effects):
            return False
        self._effects.append(effect)
        self.effectRegistered.emit(effect.name)
        return True

    def registeredEffects(self) -> tuple:
        """Return the effects."""
        return tuple(self._effects)

    def _forget(self) -> None:
        self._effects.clear()
