"""The widgets of the tab Distil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence, Tuple

import ctk
import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.progress import ProgressView
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.widgets.building import button, column, row
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea
from KDSegmentatorTrainingLib.presentation.distil import DistilReadiness, quantity_texts, student_columns
from KDSegmentatorTrainingLib.widgets.distil_export import ExportBox
from KDSegmentatorTrainingLib.widgets.distil_form import DistilForm
from KDSegmentatorTrainingLib.widgets.job_tab import MARGIN

ROW_HEIGHT = 22
"""Height of a row of that table, in pixels."""

TABLE_HEIGHT = 120
"""Height of the table of students, in pixels."""


@dataclass(frozen=True)
class DistilActions:
    """What is called when the user does something."""

    on_python: Callable[[str], None]
    on_check: Callable[[], None]
    on_teacher: Callable[[str], None]
    on_folder: Callable[[str], None]
    on_file: Callable[[str], None]
    on_main: Callable[[], None]
    on_again: Callable[[], None]
    on_quantity: Callable[[int], None]
    on_chart: Callable[[], None]
    on_student: Callable[[int], None]
    on_export: Callable[[], None]


class DistilTab:
    """Fills the tab Distil.

    Parameters
    ----------
    page
        The tab's empty page.
    actions
        What is called when the user does something.
    """

    def __init__(self, page: Any, actions: DistilActions) -> None:
        self.layout = column(page, spacing=6)
        self.layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.python_box = self._box(_("Python that trains"), "distilPythonBox")
        self._fill_python(self.python_box, actions)
        self.form_box = self._box(_("What to train"), "distilFormBox")
        place = qt.QWidget()
        column(self.form_box).addWidget(place)
        self.form = DistilForm(place, on_teacher=actions.on_teacher, on_folder=actions.on_folder, on_file=actions.on_file)
        self._fill_run(actions)
        self.watch_box = self._box(_("Students and curves"), "distilWatchBox")
        self._fill_watch(self.watch_box, actions)
        self.export_box = self._box(_("Export to the segmentation panel"), "distilExportBox")
        place = qt.QWidget()
        column(self.export_box).addWidget(place)
        self.export = ExportBox(place, on_student=actions.on_student, on_export=actions.on_export)
        self.layout.addStretch(1)

    def show_python(self, sentence: str, tone: Tone) -> None:
        """Show what the chosen Python has."""
        self.python_status.show_sentence(sentence, tone)

    def show_readiness(self, state: DistilReadiness, progress: Optional[ProgressView]) -> None:
        """Show the buttons, the sentence below them and the progress bar."""
        self.main_button.text, self.main_button.enabled = state.button, state.enabled
        self.again_button.visible = state.again
        self.status.show_sentence(state.sentence, state.tone)
        self.progress.show(progress)
        self.form.set_locked(state.locked)

    def show_students(self, rows: Sequence[Tuple[str, ...]]) -> None:
        """Fill the table of students."""
        self.watch_box.visible = bool(rows)
        self.table.setRowCount(len(rows))
        for index, texts in enumerate(rows):
            for place, text in enumerate(texts):
                cell = self.table.item(index, place)
                if cell is None:
                    cell = qt.QTableWidgetItem()
                    cell.setFlags(qt.Qt.ItemIsEnabled)
                    self.table.setItem(index, place, cell)
                cell.setText(text)

    def show_export(self, wanted: bool) -> None:
        """Show the export where there is something to export."""
        self.export_box.visible = wanted

    def _box(self, text: str, name: str) -> Any:
        box = ctk.ctkCollapsibleButton()
        box.text = text
        box.objectName = name
        self.layout.addWidget(box)
        return box

    def _fill_python(self, box: Any, actions: DistilActions) -> None:
        self.python_path = ctk.ctkPathLineEdit()
        self.python_path.objectName = "distilPython"
        self.python_path.filters = ctk.ctkPathLineEdit.Files
        self.python_path.showHistoryButton = False
        self.python_path.toolTip = _(
            "The Python of an environment with PyTorch and nnU-Net: bin/python, on Windows python.exe. Not Slicer's own."
        )
        self.check_button = button(_("&Check"), _("Looks for PyTorch and nnU-Net in it."), actions.on_check, "distilCheck")
        status = qt.QWidget()
        self.python_status = StatusArea(status)
        layout = column(box)
        layout.addLayout(row(self.python_path, self.check_button, stretch=0))
        layout.addWidget(status)
        self.python_path.connect("currentPathChanged(QString)", actions.on_python)

    def _fill_run(self, actions: DistilActions) -> None:
        self.main_button = button(_("&Start"), "", actions.on_main, "distilMain")
        tip = _("Moves what this run has so far aside, and begins again with the settings above.")
        self.again_button = button(_("Start again…"), tip, actions.on_again, "distilAgain")
        status, progress = qt.QWidget(), qt.QWidget()
        self.status, self.progress = StatusArea(status), ProgressArea(progress)
        self.layout.addLayout(row(self.main_button, self.again_button, stretch=0))
        self.layout.addWidget(status)
        self.layout.addWidget(progress)

    def _fill_watch(self, box: Any, actions: DistilActions) -> None:
        headings = student_columns()
        self.table = qt.QTableWidget(0, len(headings))
        self.table.objectName = "distilStudents"
        self.table.setHorizontalHeaderLabels(list(headings))
        self.table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for place in range(1, len(headings)):
            self.table.horizontalHeader().setSectionResizeMode(place, qt.QHeaderView.ResizeToContents)
        self.table.verticalHeader().visible = False
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.tabKeyNavigation = False
        self.table.setFixedHeight(TABLE_HEIGHT)
        self.quantity_combo = qt.QComboBox()
        self.quantity_combo.objectName = "distilQuantity"
        self.quantity_combo.addItems([text for _quantity, text in quantity_texts()])
        tip = _("Shows the curves in Slicer's plot view; they grow while the run is on.")
        self.chart_button = button(_("Show c&urves"), tip, actions.on_chart, "distilChart")
        layout = column(box)
        layout.addWidget(self.table)
        layout.addLayout(row(self.quantity_combo, self.chart_button, stretch=0))
        self.quantity_combo.connect("currentIndexChanged(int)", actions.on_quantity)
