"""The queue of several volumes as a table with buttons."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.batch import BatchRow, row_text
from KDSegmentatorLib.presentation.readiness import Readiness
from KDSegmentatorLib.widgets.building import button, column, row
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea

TABLE_HEIGHT = 130
"""Height of the queue's table, in pixels."""


class BatchView:
    """Shows the queue and tells what the user wants with it.

    Parameters
    ----------
    place
        Empty widget of the ``.ui`` file.
    on_add_volumes, on_add_folder, on_add_sequences
        Called when the user presses a button to add.
    on_remove
        Called with the rows to remove, as indices.
    on_start
        Called when the user presses Segment all, or Cancel all.
    """

    def __init__(
        self,
        place: Any,
        *,
        on_add_volumes: Callable[[], None],
        on_add_folder: Callable[[], None],
        on_add_sequences: Callable[[], None],
        on_remove: Callable[[List[int]], None],
        on_start: Callable[[], None],
    ) -> None:
        self._on_remove = on_remove
        self.volumes_button = button(
            _("Add loaded volumes"), _("Adds every volume of the scene."), on_add_volumes, "batchVolumes"
        )
        self.folder_button = button(_("Add folder…"), _("Adds every image in a folder."), on_add_folder, "batchFolder")
        self.sequences_button = button(
            _("Add sequences"), _("Adds every 4-D sequence of the scene."), on_add_sequences, "batchSequences"
        )
        self.remove_button = button(
            _("Remove"), _("Takes the marked rows, or all, out of the list."), self._remove, "batchRemove"
        )
        self.start_button = button(_("Segment all"), _("Segments one after the other."), on_start, "batchStart")
        self.table = self._table()
        layout = column(place)
        layout.addLayout(row(self.volumes_button, self.folder_button, self.sequences_button))
        layout.addWidget(self.table)
        status, progress = qt.QWidget(), qt.QWidget()
        self.status = StatusArea(status)
        layout.addWidget(status)
        layout.addLayout(row(self.start_button, self.remove_button, stretch=0))
        layout.addWidget(progress)
        self.progress = ProgressArea(progress)

    def show_rows(self, rows: Sequence[BatchRow]) -> None:
        """Fill the table."""
        self.table.setRowCount(len(rows))
        for index, item in enumerate(rows):
            for place, text in enumerate((item.name, item.kind, row_text(item))):
                cell = qt.QTableWidgetItem(text)
                cell.setToolTip(text)
                cell.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                self.table.setItem(index, place, cell)

    def show_readiness(self, state: Readiness, *, running: bool) -> None:
        """Show the button and the sentence beside it; lock the rest while the queue runs."""
        self.start_button.text = state.button
        self.start_button.enabled = state.enabled
        self.status.show_sentence(state.sentence, state.tone)
        for widget in (self.volumes_button, self.folder_button, self.sequences_button, self.remove_button):
            widget.enabled = not running

    def show_progress(self, view: Any) -> None:
        """Show the progress of the item that runs: a :class:`ProgressView`, or None."""
        self.progress.show(view)

    def _table(self) -> Any:
        table = qt.QTableWidget(0, 3)
        table.objectName = "batchTable"
        table.setHorizontalHeaderLabels([_("Volume"), _("Kind"), _("State")])
        table.horizontalHeader().setStretchLastSection(True)
        table.verticalHeader().visible = False
        table.selectionBehavior = qt.QAbstractItemView.SelectRows
        table.tabKeyNavigation = False
        table.setFixedHeight(TABLE_HEIGHT)
        return table

    def _remove(self) -> None:
        marked = {index.row() for index in self.table.selectionModel().selectedRows()}
        self._on_remove(sorted(marked or range(self.table.rowCount)))
