"""Small things that every part of the panel needs."""

from __future__ import annotations

from typing import Any, Callable

import qt

from KDSegmentatorLib.presentation.readiness import Tone

ICON_SIZE = 16
"""Side of an icon beside a sentence, in pixels."""


def column(place: Any, spacing: int = 4) -> Any:
    """Give a place an empty vertical layout without margins and return it."""
    layout = qt.QVBoxLayout(place)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    return layout


def row(*widgets: Any, stretch: int = -1, spacing: int = 4) -> Any:
    """Return a horizontal layout of widgets without margins; ``stretch`` is the index of the one that grows."""
    layout = qt.QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if index == stretch else 0)
    return layout


def button(text: str, tip: str, on_click: Callable[[], None], name: str) -> Any:
    """Return a tool-sized push button; ``name`` is for tests and style sheets."""
    made = qt.QPushButton(text)
    made.objectName = name
    made.toolTip = tip
    made.autoDefault = False
    made.connect("clicked()", on_click)
    return made


def wrapped_label(name: str, text: str = "") -> Any:
    """Return a label that wraps its plain text and lets the user copy it."""
    label = qt.QLabel(text)
    label.objectName = name
    label.wordWrap = True
    label.textFormat = qt.Qt.PlainText
    label.textInteractionFlags = qt.Qt.TextSelectableByMouse
    return label


def hide_unless(wanted: object, *widgets: Any) -> None:
    """Hide widgets that have nothing to say; showing one that has no parent yet would open a window for a moment."""
    if not wanted:
        for widget in widgets:
            widget.hide()


def tone_pixmap(tone: Tone, *, large: bool = False) -> Any:
    """Return the style's own picture for a tone, so that it fits light and dark themes."""
    names = {
        Tone.HINT: qt.QStyle.SP_MessageBoxInformation,
        Tone.WARNING: qt.QStyle.SP_MessageBoxWarning,
        Tone.PROBLEM: qt.QStyle.SP_MessageBoxCritical,
    }
    side = 2 * ICON_SIZE if large else ICON_SIZE
    return qt.QApplication.style().standardIcon(names[tone]).pixmap(side, side)


def color_icon(color: Any) -> Any:
    """Return a small square of a colour given as (red, green, blue), 0 to 255."""
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)
