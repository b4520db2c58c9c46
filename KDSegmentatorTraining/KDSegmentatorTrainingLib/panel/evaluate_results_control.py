"""The rows of a comparison: their tables and charts, and the place that a row leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Optional, Tuple

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.outcome import Failed
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorTrainingLib.companion_job import CompanionJob
from KDSegmentatorTrainingLib.evaluate.charts import agreement_chart, bar_chart
from KDSegmentatorTrainingLib.evaluate.job import Told, evaluation_job
from KDSegmentatorTrainingLib.evaluate.jump import jump_to
from KDSegmentatorTrainingLib.evaluate.orders import FolderOrder, Order
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult, StructureRow
from KDSegmentatorTrainingLib.evaluate.show_case import load_case
from KDSegmentatorTrainingLib.evaluate.tables import write_rows, write_summary
from KDSegmentatorTrainingLib.nodes import show_chart, show_table
from KDSegmentatorTrainingLib.panel.control import Services
from KDSegmentatorTrainingLib.presentation.evaluate import bar_columns, no_place_text, place_text, results_view
from KDSegmentatorTrainingLib.widgets.evaluate_results import EvaluateResults, ResultsActions

Key = Tuple[str, int]


class ResultsControl:
    """Shows the last result and what the user asks of it.

    Parameters
    ----------
    services
        What the panel gives.
    say
        Called with a sentence for the place of an outcome.
    """

    def __init__(self, services: Services, *, say: Callable[[Tuple[str, Tone]], None]) -> None:
        self.failures, self._services, self._say = services.failures, services, say
        self.actions = ResultsActions(on_row=self.go_to, on_chart=self.show_chart, on_table=self.show_table)
        self.view: Optional[EvaluateResults] = None
        self.result: Optional[EvaluationResult] = None
        self._order: Optional[Order] = None
        self._table_id = self._summary_id = ""
        self._job: Optional[CompanionJob[EvaluationResult]] = None
        self._places: Dict[Key, StructureRow] = {}

    def use(self, view: EvaluateResults) -> None:
        """Take over the widgets."""
        self.view = view
        view.chart_combo.connect("currentIndexChanged(int)", self._chart_chosen)

    def show(self, result: EvaluationResult, order: Order) -> Any:
        """Write the tables, list the rows, and return the table of rows."""
        table = order.table if order.table is not None and order.table.GetScene() is not None else None
        table = write_rows(result, order.title, table)
        self._table_id, self._summary_id = table.GetID(), write_summary(result, table).GetID()
        self.result, self._order, self._places = result, order, {}
        if self.view is not None:
            self.view.show(results_view(result))
            self._chart_chosen(self.view.chart_combo.currentIndex)
        return table

    def forget(self) -> None:
        """The scene closes, and the tables with it."""
        self.result = self._order = None
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
        if self.view is not None:
            self.view.hide()

    @guarded
    def show_table(self) -> None:
        """Show the table of rows in Slicer's table view."""
        table = self._node(self._table_id)
        if table is not None:
            show_table(table)

    @guarded
    def show_chart(self) -> None:
        """Show the chosen chart in Slicer's plot view."""
        chart = self.chart()
        if chart is not None:
            show_chart(chart)

    def chart(self) -> Optional[Any]:
        """Return the chosen chart; None where its table was deleted."""
        table, summary = self._node(self._table_id), self._node(self._summary_id)
        if self.result is None or self.view is None or table is None or summary is None:
            return None
        index = self.view.chart_combo.currentIndex
        bars = bar_columns(self.result)
        if index < len(bars):
            return bar_chart(self.result, table, summary, bars[index])
        chosen = self.view.structure_combo.currentIndex
        return agreement_chart(self.result, table, self.result.structures[chosen - 1] if chosen > 0 else None)

    @guarded
    def go_to(self, index: int) -> None:
        """Lead to the largest error of a row; a case of a folder is loaded first."""
        if self.result is None or self.view is None or self._order is None:
            return
        row = self.result.rows[index]
        row = self._places.get((row.case, row.label), row)
        if row.place is not None:
            node = None if isinstance(self._order, FolderOrder) else self._order.reference
            self.view.say(place_text(row, jump_to(row.place.point_lps_mm, node)))
        elif isinstance(self._order, FolderOrder) and row.status != "both_empty" and (row.case, row.label) not in self._places:
            self._look_for_places(self._order, row)
        else:
            self.view.say(no_place_text(row))

    def _look_for_places(self, order: FolderOrder, row: StructureRow) -> None:
        """Load a case of a folder and let a child find its places; then go there."""
        if self.result is None or self.view is None or self._job is not None:
            return
        prediction, reference = self.result.files[row.case]
        names = {each.label: each.name for each in self.result.rows if each.case == row.case}
        load_case(row.case, prediction, reference, names)
        self.view.say(_("Looking for the largest error of {case}…").format(case=row.case))
        one = replace(order, prediction=prediction, reference=reference, results=None, places=True)
        self._job = evaluation_job(
            one.request,
            on_progress=lambda told: None,
            on_log=self._services.log,
            on_finished=lambda told: self._places_found(order, row, told),
        )
        try:
            self._job.start()
        except Exception:
            self._job = None
            raise

    @guarded
    def _places_found(self, order: FolderOrder, row: StructureRow, told: Told) -> None:
        self._job = None
        if order is not self._order or self.view is None or self.result is None:
            return
        if isinstance(told, Failed):
            self.view.say("")
            self.failures.show(told.error, told.details)
            return
        if not isinstance(told, EvaluationResult):
            self.view.say("")
            return
        for each in self.result.rows:
            same = _same_structure(each, told, self.result) if each.case == row.case else None
            if same is not None:
                self._places[each.case, each.label] = replace(each, place=same.place)
        self.go_to(self.result.rows.index(row))

    def _chart_chosen(self, index: int) -> None:
        if self.view is not None:
            self.view.show_structures(self.result is not None and index >= len(bar_columns(self.result)))

    def _node(self, identifier: str) -> Optional[Any]:
        return slicer.mrmlScene.GetNodeByID(identifier) if identifier else None


def _same_structure(row: StructureRow, case: EvaluationResult, whole: EvaluationResult) -> Optional[StructureRow]:
    """Return the row of one case, measured by itself, that is about the same structure.

    By itself, a file whose segments have names may number them in another way than the folder does. A file without names
    numbers them as the folder does, but calls them otherwise.
    """
    by_name = next((each for each in case.rows if each.name == row.name), None)
    by_label = next((each for each in case.rows if each.label == row.label and each.name not in whole.structures), None)
    return by_name or by_label
