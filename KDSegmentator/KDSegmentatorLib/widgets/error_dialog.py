"""The dialog of a failure: what happened, why, what to do; the technical text under Details."""

from __future__ import annotations

from html import escape
from typing import Any, List

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.failures import FailureView
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.widgets.building import button, hide_unless, row, tone_pixmap, wrapped_label

_open_dialogs: List[Any] = []  # Python's side of a dialog has to live as long as the dialog


class ErrorDialog:
    """Shown above the panel without stopping Slicer's events.

    Parameters
    ----------
    view
        The texts.
    parent
        The panel.
    """

    def __init__(self, view: FailureView, parent: Any) -> None:
        self._view = view
        self.dialog = qt.QDialog(parent)
        self.dialog.objectName = "KDSegmentatorError"
        self.dialog.windowTitle = _("KDSegmentator")
        self.dialog.setMinimumWidth(440)
        layout = qt.QVBoxLayout(self.dialog)
        layout.setSpacing(10)
        icon = qt.QLabel()
        icon.setPixmap(tone_pixmap(Tone.PROBLEM, large=True))
        icon.alignment = qt.Qt.AlignTop
        layout.addLayout(row(icon, self._texts(), stretch=1, spacing=12))
        layout.addWidget(self._details())
        layout.addLayout(self._buttons())
        self.dialog.connect("finished(int)", self._finished)

    def open(self) -> None:
        """Show the dialog and return at once."""
        _open_dialogs.append(self)
        self.dialog.open()

    def _texts(self) -> Any:
        self.problem_label = wrapped_label("errorProblem", self._view.problem)
        font = self.problem_label.font
        font.setBold(True)
        self.problem_label.font = font
        self.reasons_label = wrapped_label("errorReasons")
        self.reasons_label.textFormat = qt.Qt.RichText
        self.reasons_label.text = "<br>".join(f"<i>{escape(k)}:</i> {escape(v)}" for k, v in self._view.reasons)
        hide_unless(self._view.reasons, self.reasons_label)
        self.remedy_label = wrapped_label("errorRemedy")
        self.remedy_label.textFormat = qt.Qt.RichText
        self.remedy_label.text = f"<b>{escape(_('What to do:'))}</b> {escape(self._view.remedy)}"
        texts = qt.QWidget()
        layout = qt.QVBoxLayout(texts)
        layout.setContentsMargins(0, 0, 0, 0)
        for label in (self.problem_label, self.reasons_label, self.remedy_label):
            layout.addWidget(label)
        layout.addStretch(1)
        return texts

    def _details(self) -> Any:
        self.details_text = qt.QPlainTextEdit()
        self.details_text.objectName = "errorDetails"
        self.details_text.readOnly = True
        self.details_text.lineWrapMode = qt.QPlainTextEdit.NoWrap
        self.details_text.setMinimumHeight(140)
        self.details_text.plainText = self._view.details
        self.details_text.hide()
        return self.details_text

    def _buttons(self) -> Any:
        self.details_button = qt.QPushButton(_("&Details"))
        self.details_button.objectName = "errorDetailsButton"
        self.details_button.checkable = True
        self.details_button.autoDefault = False
        hide_unless(self._view.details, self.details_button)
        self.details_button.connect("toggled(bool)", self._show_details)
        copy = button(_("C&opy"), _("Copies everything, for a message or a report."), self._copy, "errorCopy")
        self.close_button = button(_("&Close"), "", self.dialog.accept, "errorClose")
        self.close_button.default = True
        buttons = row(self.details_button, copy)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        return buttons

    def _show_details(self, shown: bool) -> None:
        self.details_text.visible = shown
        self.dialog.adjustSize()

    def _copy(self) -> None:
        qt.QApplication.clipboard().setText(self._view.plain())

    def _finished(self, result: int) -> None:
        if self in _open_dialogs:
            _open_dialogs.remove(self)
        self.dialog.deleteLater()


def show_failure(view: FailureView, parent: Any) -> ErrorDialog:
    """Show a failure above ``parent`` and return the dialog."""
    dialog = ErrorDialog(view, parent)
    dialog.open()
    return dialog


def close_all() -> None:
    """Close every dialog that is open: the panel goes away."""
    for dialog in list(_open_dialogs):
        dialog.dialog.close()
