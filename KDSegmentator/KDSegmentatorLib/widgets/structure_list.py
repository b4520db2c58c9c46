"""The checkable list of structures with a search."""

from __future__ import annotations

from typing import Any, Callable, FrozenSet, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation import structures as decisions
from KDSegmentatorLib.widgets.building import button, color_icon, column, row

ROWS_SHOWN = 7
"""Rows of the list that are visible without scrolling."""


class StructureList:
    """A button with the sentence "All structures (2)" that unfolds a list to choose from.

    Parameters
    ----------
    place, box_place
        Empty widgets of the ``.ui`` file, for the button and for what it unfolds.
    label
        Its label, whose mnemonic jumps here.
    on_changed
        Called when the user changed what is wanted.
    """

    def __init__(self, place: Any, box_place: Any, label: Any, *, on_changed: Callable[[], None]) -> None:
        self._on_changed = on_changed
        self._structures: Sequence[decisions.Structure] = ()
        self.summary_button = qt.QToolButton()
        self.summary_button.objectName = "structuresSummary"
        self.summary_button.checkable = True
        self.summary_button.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        self.summary_button.arrowType = qt.Qt.RightArrow
        self.summary_button.autoRaise = True
        self.summary_button.toolTip = _("Choose which structures the result shall hold.")
        self.summary_button.connect("toggled(bool)", self._unfold)
        self.box = self._box()
        column(place).addLayout(row(self.summary_button, stretch=-1))
        column(box_place).addWidget(self.box)
        self.box.visible = False
        label.setBuddy(self.summary_button)

    def show_structures(self, structures: Sequence[decisions.Structure], chosen: FrozenSet[int]) -> None:
        """Fill the list and check those with a label value in ``chosen``."""
        blocked = self.list.blockSignals(True)
        self._structures = tuple(structures)
        self.list.clear()
        for structure in self._structures:
            item = qt.QListWidgetItem(color_icon(structure.color), structure.name)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if structure.value in chosen else qt.Qt.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(blocked)
        self.list.setFixedHeight(self._list_height())
        self.search.visible = len(self._structures) > ROWS_SHOWN
        self.summary_button.enabled = bool(self._structures)
        self._filter(self.search.text)
        self._summarise()

    def chosen(self) -> FrozenSet[int]:
        """Return the label values that are checked."""
        return frozenset(s.value for i, s in enumerate(self._structures) if self.list.item(i).checkState() == qt.Qt.Checked)

    def set_locked(self, locked: bool) -> None:
        """Lock the choice while a run is on."""
        self.box.enabled = not locked

    def _box(self) -> Any:
        box = qt.QWidget()
        box.objectName = "structuresBox"
        self.search = qt.QLineEdit()
        self.search.objectName = "structuresSearch"
        self.search.placeholderText = _("Search structures")
        self.search.clearButtonEnabled = True
        self.search.connect("textChanged(QString)", self._filter)
        self.all_button = button(_("All"), _("Check all structures that are shown."), self._check_all, "structuresAll")
        self.none_button = button(_("None"), _("Uncheck all structures that are shown."), self._check_none, "structuresNone")
        self.list = qt.QListWidget()
        self.list.objectName = "structuresListWidget"
        self.list.connect("itemChanged(QListWidgetItem*)", self._item_changed)
        layout = column(box)
        buttons = row(self.search, self.all_button, self.none_button, stretch=0)
        buttons.addStretch(0)
        layout.addLayout(buttons)
        layout.addWidget(self.list)
        return box

    def _list_height(self) -> int:
        rows = min(max(1, len(self._structures)), ROWS_SHOWN)
        height = max(18, self.list.sizeHintForRow(0)) if self._structures else 18
        return int(rows * height + 2 * self.list.frameWidth + 2)

    def _unfold(self, shown: bool) -> None:
        self.summary_button.arrowType = qt.Qt.DownArrow if shown else qt.Qt.RightArrow
        self.box.visible = shown

    def _filter(self, text: str) -> None:
        for index, structure in enumerate(self._structures):
            self.list.item(index).setHidden(not decisions.matches(structure.name, text))

    def _check_all(self) -> None:
        self._check_shown(qt.Qt.Checked)

    def _check_none(self) -> None:
        self._check_shown(qt.Qt.Unchecked)

    def _check_shown(self, state: Any) -> None:
        blocked = self.list.blockSignals(True)
        for index in range(len(self._structures)):
            if not self.list.item(index).isHidden():
                self.list.item(index).setCheckState(state)
        self.list.blockSignals(blocked)
        self._changed()

    def _item_changed(self, item: Any) -> None:
        self._changed()

    def _changed(self) -> None:
        self._summarise()
        self._on_changed()

    def _summarise(self) -> None:
        self.summary_button.text = decisions.summary(len(self.chosen()), len(self._structures))
