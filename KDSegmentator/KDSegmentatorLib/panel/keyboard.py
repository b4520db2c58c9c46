"""The keyboard: Return starts, and Tab goes from top to bottom."""

from __future__ import annotations

from typing import Any, Callable

import qt


def connect_return(root: Any, on_return: Callable[[], None]) -> None:
    """Call ``on_return`` when Return or Enter is pressed anywhere in the panel."""
    for key in ("Return", "Enter"):
        shortcut = qt.QShortcut(qt.QKeySequence(key), root)
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.connect("activated()", on_return)


def order_tabs(panel: Any) -> None:
    """Let Tab visit the panel in reading order; parts that fill a place come last otherwise."""
    ui, picker, structures = panel.ui, panel.students.picker, panel.structures
    order = [
        *(ui.inputSelector, picker.combo, picker.add_button, picker.remove_button, picker.choose_button, picker.more_button),
        *(structures.summary_button, structures.search, structures.all_button, structures.none_button, structures.list),
        *(ui.outputSelector, ui.show3DCheck, ui.volumesTableCheck, ui.segmentButton),
        *(ui.logCollapsible, panel.log.text, panel.log.copy_button, panel.log.clear_button, ui.advancedCollapsible),
        *(ui.threadsSpin, ui.memorySpin, ui.engineCombo, ui.mirroringCheck),
    ]
    for first, second in zip(order, order[1:]):
        qt.QWidget.setTabOrder(first, second)
