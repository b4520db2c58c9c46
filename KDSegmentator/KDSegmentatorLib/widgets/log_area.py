"""The log: what was done, in words that can be copied into a message."""

from __future__ import annotations

import time
from typing import Any

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.widgets.building import button, column, row

MOST_LINES = 5000
"""Older lines are dropped beyond this."""


class LogArea:
    """A read-only text with buttons to copy and to clear it."""

    def __init__(self, place: Any) -> None:
        self.text = qt.QPlainTextEdit()
        self.text.objectName = "logText"
        self.text.readOnly = True
        self.text.maximumBlockCount = MOST_LINES
        self.text.setMinimumHeight(110)
        self.text.placeholderText = _("What a run does is written here.")
        self.text.tabChangesFocus = True
        self.copy_button = button(_("C&opy log"), _("Copies the whole log, for a message or a report."), self.copy, "copyLog")
        self.clear_button = button(_("Clear"), _("Empties the log."), self.clear, "clearLog")
        layout = column(place)
        layout.addWidget(self.text)
        buttons = row(self.copy_button, self.clear_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)

    def add(self, text: str) -> None:
        """Append lines, with the time of day before the first."""
        self.text.appendPlainText(f"{time.strftime('%H:%M:%S')}  {text}")

    def clear(self) -> None:
        """Empty the log."""
        self.text.plainText = ""

    def copy(self) -> None:
        """Copy everything to the clipboard."""
        qt.QApplication.clipboard().setText(self.text.plainText)
