"""Several volumes in one go: where they come from, a table of them, and where results are saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.batch import Case, state_text
from KDSegmentatorLib.presentation.progress import ProgressView
from KDSegmentatorLib.presentation.readiness import Readiness
from KDSegmentatorLib.widgets.building import button, column, row
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea

TABLE_HEIGHT = 130
"""Height of the table, in pixels."""


@dataclass(frozen=True)
class BatchActions:
    """What is called when the user does something: picks a source, a folder, checks a case, asks why one failed, starts."""

    on_source: Callable[[int], None]
    on_browse: Callable[[], None]
    on_results: Callable[[], None]
    on_no_results: Callable[[], None]
    on_checked: Callable[[int, bool], None]
    on_opened: Callable[[int], None]
    on_start: Callable[[], None]


class BatchView:
    """Shows the queue.

    Parameters
    ----------
    place
        Empty widget of the ``.ui`` file.
    actions
        What is called when the user does something.
    """

    def __init__(self, place: Any, actions: BatchActions) -> None:
        self._actions = actions
        self.source_combo = qt.QComboBox()
        self.source_combo.objectName = "batchSource"
        self.source_combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self.source_combo.minimumContentsLength = 12
        self.browse_button = button(_("Choose folder…"), _("The folder with the images."), actions.on_browse, "batchBrowse")
        self.table = self._table()
        self.results_edit = qt.QLineEdit()
        self.results_edit.objectName = "batchResults"
        self.results_edit.readOnly = True
        self.results_edit.placeholderText = _("Results stay in the scene")
        tip = _("A segmentation for each volume, and a table of all volumes in millilitres, are saved here.")
        self.results_button = button(_("Save to…"), tip, actions.on_results, "batchSaveTo")
        tip = _("Forgets the folder: results of loaded volumes stay in the scene only.")
        self.no_results_button = button(_("Clear"), tip, actions.on_no_results, "batchNoResults")
        self.replace_check = qt.QCheckBox(_("Replace earlier results"))
        self.replace_check.objectName = "batchReplace"
        self.start_button = button(_("Segment all"), _("Segments one after the other."), actions.on_start, "batchStart")
        self._lay_out(place)
        self.source_combo.connect("currentIndexChanged(int)", actions.on_source)
        self.table.connect("itemChanged(QTableWidgetItem*)", self._item_changed)
        self.table.connect("cellDoubleClicked(int,int)", self._double_clicked)

    def show_sources(self, texts: Sequence[str], current: int) -> None:
        """Fill the list of sources and mark one."""
        blocked = self.source_combo.blockSignals(True)
        self.source_combo.clear()
        for text in texts:
            self.source_combo.addItem(text)
        self.source_combo.currentIndex = current
        self.source_combo.blockSignals(blocked)

    def show_cases(self, cases: Sequence[Case], *, locked: bool) -> None:
        """Fill the table; cells that exist are changed and not replaced, as one of them may be the caller."""
        blocked = self.table.blockSignals(True)
        self.table.setRowCount(len(cases))
        for index, case in enumerate(cases):
            name, state = self._cell(index, 0, case.name), self._cell(index, 1, state_text(case))
            name.setCheckState(qt.Qt.Checked if case.wanted else qt.Qt.Unchecked)
            name.setFlags(qt.Qt.ItemIsEnabled | (0 if locked else qt.Qt.ItemIsUserCheckable))
            state.setFlags(qt.Qt.ItemIsEnabled)
            for cell in (name, state):
                cell.setToolTip(case.explanation or cell.text())
        self.table.blockSignals(blocked)

    def show_folders(self, *, browse: bool, results: str, results_wanted: bool) -> None:
        """Show whether a folder of images can be chosen, and where results are saved."""
        self.browse_button.visible = browse
        self.results_edit.text = results
        self.no_results_button.visible = results_wanted and bool(results)
        for widget in (self.results_edit, self.results_button, self.replace_check):
            widget.visible = results_wanted

    def show_readiness(self, state: Readiness, *, running: bool) -> None:
        """Show the button and the sentence beside it; lock the rest while the queue runs."""
        self.start_button.text = state.button
        self.start_button.enabled = state.enabled
        self.status.show_sentence(state.sentence, state.tone)
        folders = (self.browse_button, self.results_button, self.no_results_button)
        for widget in (self.source_combo, *folders, self.replace_check):
            widget.enabled = not running

    def show_progress(self, view: Optional[ProgressView]) -> None:
        """Show the progress of the whole queue; hide the bar for None."""
        self.progress.show(view)

    def _lay_out(self, place: Any) -> None:
        status, progress = qt.QWidget(), qt.QWidget()
        self.status, self.progress = StatusArea(status), ProgressArea(progress)
        layout = column(place)
        layout.addLayout(row(self.source_combo, self.browse_button, stretch=0))
        layout.addWidget(self.table)
        layout.addLayout(row(self.results_edit, self.results_button, self.no_results_button, stretch=0))
        for widget in (self.replace_check, status, self.start_button, progress):
            layout.addWidget(widget)

    def _table(self) -> Any:
        table = qt.QTableWidget(0, 2)
        table.objectName = "batchTable"
        table.setHorizontalHeaderLabels([_("Volume"), _("State")])
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.Stretch)
        table.verticalHeader().visible = False
        table.tabKeyNavigation = False
        table.setFixedHeight(TABLE_HEIGHT)
        return table

    def _cell(self, index: int, place: int, text: str) -> Any:
        cell = self.table.item(index, place)
        if cell is None:
            cell = qt.QTableWidgetItem()
            self.table.setItem(index, place, cell)
        cell.setText(text)
        return cell

    def _double_clicked(self, index: int, place: int) -> None:
        self._actions.on_opened(index)

    def _item_changed(self, item: Any) -> None:
        if item.column() == 0:
            self._actions.on_checked(item.row(), item.checkState() == qt.Qt.Checked)
