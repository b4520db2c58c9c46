"""The profile in the panel: a row for each student, the card, and which student fits a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Sequence, Tuple

import ctk
import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.widgets.building import button, column, row
from KDSegmentatorLib.widgets.status_area import StatusArea

TABLE_HEIGHT = 110
CARD_HEIGHT = 150
"""In pixels."""

MOST_SECONDS = 86_400.0
MOST_GIB = 4096.0


@dataclass(frozen=True)
class ProfileActions:
    """What is called when the user wants chart or table, or changes the budget."""

    on_chart: Callable[[], None]
    on_table: Callable[[], None]
    on_budget: Callable[[], None]


class ProfileResults:
    """Hidden until there is a profile.

    Parameters
    ----------
    place
        Empty widget.
    actions
        What is called when the user does something.
    """

    def __init__(self, place: Any, actions: ProfileActions) -> None:
        self._place, self._actions = place, actions
        self.table = _table()
        self.card = qt.QPlainTextEdit()
        self.card.objectName = "profileCard"
        self.card.readOnly = True
        self.card.lineWrapMode = qt.QPlainTextEdit.NoWrap
        self.card.font = qt.QFontDatabase.systemFont(qt.QFontDatabase.FixedFont)
        self.card.setFixedHeight(CARD_HEIGHT)
        self.card.toolTip = _("Everything about this profile; it can be copied.")
        self.chart_button = button(
            _("Show c&hart"), _("Quality against latency in the plot view."), actions.on_chart, "showChart"
        )
        self.table_button = button(_("Show t&able"), _("All numbers in Slicer's table view."), actions.on_table, "showTable")
        layout = column(place)
        layout.addWidget(self.table)
        buttons = row(self.chart_button, self.table_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        layout.addWidget(self._budget())
        layout.addWidget(self._card_box())
        place.hide()

    def show(self, titles: Sequence[str], rows: Sequence[Tuple[str, ...]], card: str) -> None:
        """Show a profile."""
        self.table.setColumnCount(len(titles))
        self.table.setRowCount(len(rows))
        self.table.setHorizontalHeaderLabels(list(titles))
        self.table.horizontalHeader().stretchLastSection = True
        for index, texts in enumerate(rows):
            for place, text in enumerate(texts):
                self.table.setItem(index, place, qt.QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
        self.card.plainText = card
        self._place.show()

    def hide(self) -> None:
        """There is no profile."""
        self._place.hide()

    def limits(self) -> Tuple[float, float, float]:
        """Return seconds, GiB and the least Dice; 0 for no limit."""
        return float(self.seconds_spin.value), float(self.memory_spin.value), float(self.dice_spin.value)

    def show_answer(self, sentence: str, tone: Tone, chosen: str) -> None:
        """Show which student fits, and mark its row."""
        self.answer.show_sentence(sentence, tone)
        for index in range(self.table.rowCount):
            for place in range(self.table.columnCount):
                item = self.table.item(index, place)
                font = item.font()
                font.setBold(bool(chosen) and self.table.item(index, 0).text() == chosen)
                item.setFont(font)
        self.table.resizeColumnsToContents()

    def _card_box(self) -> Any:
        self.card_box = ctk.ctkCollapsibleButton()
        self.card_box.objectName = "profileCardCollapsible"
        self.card_box.text = _("Everything about this profile")
        self.card_box.collapsed = True
        column(self.card_box).addWidget(self.card)
        return self.card_box

    def _budget(self) -> Any:
        box = qt.QGroupBox(_("Choose for me"))
        box.objectName = "profileChoose"
        self.seconds_spin = _limit("profileSeconds", MOST_SECONDS, _(" s"), 1, _("any time"))
        self.memory_spin = _limit("profileMemory", MOST_GIB, _(" GiB"), 2, _("any memory"))
        self.dice_spin = _limit("profileDice", 1.0, "", 3, _("any quality"))
        self.dice_spin.singleStep = 0.01
        place = qt.QWidget()
        self.answer = StatusArea(place)
        form = qt.QFormLayout(box)
        form.addRow(_("At most, for a volume:"), self.seconds_spin)
        form.addRow(_("At most, of memory:"), self.memory_spin)
        form.addRow(_("At least, mean Dice:"), self.dice_spin)
        form.addRow(place)
        for spin in (self.seconds_spin, self.memory_spin, self.dice_spin):
            spin.connect("valueChanged(double)", self._changed)
        return box

    def _changed(self, value: float) -> None:
        self._actions.on_budget()


def _table() -> Any:
    table = qt.QTableWidget(0, 0)
    table.objectName = "profileRows"
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setSelectionMode(qt.QAbstractItemView.NoSelection)
    table.verticalHeader().visible = False
    table.wordWrap = False
    table.tabKeyNavigation = False
    table.setFixedHeight(TABLE_HEIGHT)
    return table


def _limit(name: str, most: float, suffix: str, decimals: int, nothing: str) -> Any:
    spin = qt.QDoubleSpinBox()
    spin.objectName = name
    spin.decimals = decimals
    spin.setRange(0.0, most)
    spin.suffix = suffix
    spin.specialValueText = nothing
    return spin
