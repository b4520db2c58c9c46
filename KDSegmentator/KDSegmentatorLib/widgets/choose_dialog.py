"""Choose for me: three limits in plain words, and the answer underneath while they change."""

from __future__ import annotations

from typing import Any, Callable, Optional

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.choosing import Asked, ChoiceView
from KDSegmentatorLib.widgets.building import button, wrapped_label
from KDSegmentatorLib.widgets.status_area import StatusArea

MOST_SECONDS = 86_400
MOST_GIB = 4096.0
TABLE_HEIGHT = 150
"""In pixels: five students are seen at once."""


class ChooseDialog:
    """Asks for a budget and shows what it leads to.

    Parameters
    ----------
    asked
        What the fields begin with.
    evaluate
        Returns the answer to a budget; None where there is none.
    basis
        What the numbers are for: the volume, or that none is chosen.
    parent
        The panel.
    """

    def __init__(self, asked: Asked, evaluate: Callable[[Asked], Optional[ChoiceView]], basis: str, parent: Any) -> None:
        self._evaluate = evaluate
        self.view: Optional[ChoiceView] = None
        self.dialog = qt.QDialog(parent)
        self.dialog.objectName = "KDSegmentatorChoose"
        self.dialog.windowTitle = _("KDSegmentator: choose for me")
        self.dialog.setMinimumWidth(560)
        self._make_fields(asked)
        self.table = _table()
        place = qt.QWidget()
        self.status = StatusArea(place)
        layout = qt.QVBoxLayout(self.dialog)
        layout.setSpacing(8)
        layout.addWidget(wrapped_label("chooseBasis", basis))
        layout.addLayout(self._form())
        layout.addWidget(self.table)
        layout.addWidget(place)
        layout.addLayout(self._buttons())
        self.seconds_spin.connect("valueChanged(int)", self._update)
        self.memory_spin.connect("valueChanged(double)", self._update)
        self.dice_spin.connect("valueChanged(double)", self._update)
        self._update()

    def ask(self) -> Optional[str]:
        """Show the question, wait, and return the key of the student to use; None is a no."""
        accepted = self.dialog.exec_() == qt.QDialog.Accepted
        key = self.view.key if accepted and self.view is not None else ""
        self.dialog.deleteLater()
        return key or None

    def asked(self) -> Asked:
        """Return what the fields say."""
        return Asked(self.seconds_spin.value, self.memory_spin.value, self.dice_spin.value)

    def _make_fields(self, asked: Asked) -> None:
        self.seconds_spin = _field(qt.QSpinBox(), "chooseSeconds", MOST_SECONDS, _(" s"))
        self.seconds_spin.singleStep = 10
        self.seconds_spin.specialValueText = _("any time")
        self.seconds_spin.toolTip = _("From Segment to the result. At 0 any time is accepted.")
        self.memory_spin = _field(qt.QDoubleSpinBox(), "chooseMemory", MOST_GIB, _(" GiB"))
        self.memory_spin.decimals = 1
        self.memory_spin.singleStep = 0.5
        self.memory_spin.specialValueText = _("what is allowed now")
        self.memory_spin.toolTip = _(
            "The most memory of a run; it becomes the memory ceiling under Advanced. At 0 the ceiling stays as it is."
        )
        self.dice_spin = _field(qt.QDoubleSpinBox(), "chooseDice", 1.0, "")
        self.dice_spin.decimals = 2
        self.dice_spin.singleStep = 0.01
        self.dice_spin.specialValueText = _("any")
        self.dice_spin.toolTip = _(
            "Agreement with the reference, 0 (none) to 1 (perfect): the mean over the structures, as the students state it."
        )
        self.seconds_spin.value = asked.seconds
        self.memory_spin.value = asked.memory_gib
        self.dice_spin.value = asked.least_dice

    def _form(self) -> Any:
        form = qt.QFormLayout()
        for text, field in (
            (_("A case may &take at most:"), self.seconds_spin),
            (_("A run may use at most this &memory:"), self.memory_spin),
            (_("The mean &Dice is at least:"), self.dice_spin),
        ):
            label = qt.QLabel(text)
            label.setBuddy(field)
            form.addRow(label, field)
        return form

    def _buttons(self) -> Any:
        self.use_button = button(_("&Use"), _("Chooses this student in the panel."), self.dialog.accept, "chooseUse")
        self.use_button.default = True
        self.cancel_button = button(_("&Not now"), "", self.dialog.reject, "chooseCancel")
        buttons = qt.QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.use_button)
        return buttons

    def _update(self) -> None:
        self.view = self._evaluate(self.asked())
        self.use_button.enabled = self.view is not None and bool(self.view.key)
        if self.view is None:
            return
        self.use_button.text = self.view.button
        self.status.show_sentence(self.view.sentence, self.view.tone)
        self.table.setRowCount(len(self.view.rows))
        for index, row in enumerate(self.view.rows):
            for place, text in enumerate(row.cells()):
                self.table.setItem(index, place, _cell(text, row.tip, bold=row.chosen, grey=not row.fits))


def _field(spin: Any, name: str, most: float, suffix: str) -> Any:
    spin.objectName = name
    spin.minimum = 0
    spin.maximum = most
    spin.suffix = suffix
    return spin


def _table() -> Any:
    table = qt.QTableWidget(0, 5)
    table.objectName = "chooseTable"
    table.setHorizontalHeaderLabels([_("Student"), _("Time"), _("Memory"), _("Mean Dice"), _("Budget")])
    table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
    table.verticalHeader().visible = False
    table.tabKeyNavigation = False
    table.setSelectionMode(qt.QAbstractItemView.NoSelection)
    table.setFixedHeight(TABLE_HEIGHT)
    return table


def _cell(text: str, tip: str, *, bold: bool, grey: bool) -> Any:
    cell = qt.QTableWidgetItem(text)
    cell.setFlags(qt.Qt.NoItemFlags if grey else qt.Qt.ItemIsEnabled)
    cell.setToolTip(tip)
    font = cell.font()
    font.setBold(bold)
    cell.setFont(font)
    return cell
