"""The question before a result replaces something that cannot be computed again."""

from __future__ import annotations

from typing import Any

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.presentation.replacement import Replacement
from KDSegmentatorLib.widgets.building import button, row, tone_pixmap, wrapped_label


class ReplaceDialog:
    """Asks, and waits for the answer; Return and Escape never replace anything.

    Parameters
    ----------
    question
        The text.
    parent
        The panel.
    """

    def __init__(self, question: str, parent: Any) -> None:
        self._answer = Replacement.CANCEL
        self.dialog = qt.QDialog(parent)
        self.dialog.objectName = "KDSegmentatorReplace"
        self.dialog.windowTitle = _("KDSegmentator: replace a segmentation?")
        self.dialog.setMinimumWidth(440)
        layout = qt.QVBoxLayout(self.dialog)
        layout.setSpacing(10)
        icon = qt.QLabel()
        icon.setPixmap(tone_pixmap(Tone.WARNING, large=True))
        icon.alignment = qt.Qt.AlignTop
        layout.addLayout(row(icon, wrapped_label("replaceQuestion", question), stretch=1, spacing=12))
        replace = button(_("&Replace"), "", self._replace, "replaceReplace")
        cancel = button(_("Cancel"), "", self.dialog.reject, "replaceCancel")
        self.new_button = button(_("Create &new segmentation"), "", self._create_new, "replaceNew")
        buttons = row(replace)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.new_button)
        layout.addLayout(buttons)
        self.new_button.default = True

    def ask(self) -> Replacement:
        """Show the question, wait, and return the answer."""
        self.new_button.setFocus()
        self.dialog.exec_()
        self.dialog.deleteLater()
        return self._answer

    def _replace(self) -> None:
        self._answer = Replacement.REPLACE
        self.dialog.accept()

    def _create_new(self) -> None:
        self._answer = Replacement.CREATE_NEW
        self.dialog.accept()
