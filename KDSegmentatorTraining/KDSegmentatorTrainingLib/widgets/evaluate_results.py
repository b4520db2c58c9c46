"""The numbers in the panel: a row for each structure; a click leads to the place of the largest error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.widgets.building import button, column, row, wrapped_label
from KDSegmentatorTrainingLib.presentation.evaluate import ResultsView

TABLE_HEIGHT = 190
"""Height of the list, in pixels."""


@dataclass(frozen=True)
class ResultsActions:
    """What is called when the user does something: clicks a row, chooses a chart or a structure, wants chart or table."""

    on_row: Callable[[int], None]
    on_chart: Callable[[], None]
    on_table: Callable[[], None]


class EvaluateResults:
    """Hidden until there is a result.

    Parameters
    ----------
    place
        Empty widget.
    actions
        What is called when the user does something.
    """

    def __init__(self, place: Any, actions: ResultsActions) -> None:
        self._place, self._actions = place, actions
        self.table = qt.QTableWidget(0, 0)
        self.table.objectName = "evaluateRows"
        self.table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.table.verticalHeader().visible = False
        self.table.horizontalHeader().stretchLastSection = True
        self.table.tabKeyNavigation = False
        self.table.wordWrap = False
        self.table.setMinimumHeight(TABLE_HEIGHT)
        self.table.toolTip = _("Click a row: the slices go to the place where segmentation and reference are farthest apart.")
        self.place_label = wrapped_label("placeLabel")
        self.chart_combo, self.structure_combo = _combo("chartCombo"), _combo("structureCombo")
        tip = _("Shows the chart in Slicer's plot view.")
        self.chart_button = button(_("Show c&hart"), tip, actions.on_chart, "showChart")
        tip = _("Shows all numbers in Slicer's table view; save them from there or with Slicer's own Save.")
        self.table_button = button(_("Show t&able"), tip, actions.on_table, "showTable")
        layout = column(place)
        layout.addWidget(self.table)
        layout.addWidget(self.place_label)
        layout.addLayout(row(self.chart_combo, self.structure_combo, stretch=0))
        buttons = row(self.chart_button, self.table_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        self._just_selected = False
        self.table.connect("itemSelectionChanged()", self._selected)
        self.table.connect("cellClicked(int,int)", self._clicked)
        place.hide()

    def show(self, view: ResultsView) -> None:
        """Show a result."""
        blocked = self.table.blockSignals(True)
        self.table.clear()
        self.table.setColumnCount(len(view.titles))
        self.table.setRowCount(len(view.rows))
        self.table.setHorizontalHeaderLabels(list(view.titles))
        for index, (texts, tip) in enumerate(zip(view.rows, view.tips)):
            for place, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(tip)
                if place in view.numeric:
                    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                self.table.setItem(index, place, item)
        self.table.resizeColumnsToContents()
        self.table.clearSelection()
        self.table.blockSignals(blocked)
        self._just_selected = False
        _fill(self.chart_combo, view.charts)
        _fill(self.structure_combo, view.structures)
        self.say("")
        self._place.show()

    def hide(self) -> None:
        """There is no result."""
        self._place.hide()

    def say(self, sentence: str) -> None:
        """Say what a click led to."""
        self.place_label.text = sentence
        self.place_label.visible = bool(sentence)

    def show_structures(self, shown: bool) -> None:
        """Show the choice of a structure where the chart has one."""
        self.structure_combo.visible = shown

    def _selected(self) -> None:
        index = self.table.currentRow()
        if index >= 0:
            self._just_selected = True
            self._actions.on_row(index)

    def _clicked(self, index: int, _column: int) -> None:
        """Go there again, also where the row is selected already: the user has looked elsewhere meanwhile."""
        known, self._just_selected = self._just_selected, False
        if not known:
            self._actions.on_row(index)


def _combo(name: str) -> Any:
    combo = qt.QComboBox()
    combo.objectName = name
    combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
    combo.minimumContentsLength = 10
    return combo


def _fill(combo: Any, texts: Sequence[str]) -> None:
    blocked = combo.blockSignals(True)
    combo.clear()
    for text in texts:
        combo.addItem(text)
    combo.blockSignals(blocked)
