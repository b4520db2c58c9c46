"""The message box with "don't show again"."""

from __future__ import annotations

from PySide6 import QtWidgets

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """What ``slicer.util.messageBox`` opens."""

    dontShowAgain = field(bool, False)
    dontShowAgainVisible = field(bool, False)
    dontShowAgainSettingsKey = field(str, "")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)

    def setDontShowAgain(self, again: bool) -> None:
        """Set whether the box was switched off."""
        self.dontShowAgain = again
