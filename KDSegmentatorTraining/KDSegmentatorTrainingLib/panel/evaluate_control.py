"""The tab Evaluate: from choices to a comparison, and from its rows to tables, charts and places."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import qt

from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.messages import ProgressMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.progress import progress_view, starting, stopping
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone
from KDSegmentatorTrainingLib.evaluate.job import Told, evaluation_job
from KDSegmentatorTrainingLib.evaluate.orders import Order, order_from
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult
from KDSegmentatorTrainingLib.panel.control import Services
from KDSegmentatorTrainingLib.panel.evaluate_results_control import ResultsControl
from KDSegmentatorTrainingLib.panel.job_control import JobControl
from KDSegmentatorTrainingLib.presentation.evaluate import (
    EvaluateSituation,
    evaluate_readiness,
    outcome_text,
    stage_text,
)
from KDSegmentatorTrainingLib.widgets.evaluate_tab import EvaluateTab


class EvaluateControl(JobControl):
    """Joins the tab Evaluate with what stands behind it; one comparison at a time.

    Parameters
    ----------
    page
        The tab's empty page.
    services
        What the panel gives.
    """

    def __init__(self, page: Any, services: Services) -> None:
        super().__init__(services)
        self._order: Optional[Order] = None
        self._problem = ""
        self.results = ResultsControl(services, say=self._say)
        self.tab = EvaluateTab(page, on_changed=self._chosen, on_start=self.start_or_cancel, actions=self.results.actions)
        self.results.use(self.tab.results)

    @guarded
    def refresh(self) -> None:
        """Look at the two again: nodes came, went or changed."""
        if self.parameters is not None:
            self.tab.inputs.show(self.parameters)
            self._look()
            self.update()

    def forget_scene(self) -> None:
        """The scene closes: a comparison of its nodes has nowhere to go."""
        self._abandon()
        self.results.forget()
        self.outcome = ("", Tone.HINT)

    @guarded
    def start_or_cancel(self) -> None:
        """Do what the button says."""
        if self.phase is not Phase.IDLE:
            self._cancel()
            return
        self._look()
        if self.parameters is None or not self.readiness().enabled:
            self.update()
            return
        self.outcome = ("", Tone.HINT)
        self._enter(Phase.RUNNING)
        self.tab.progress.show(starting())
        self._order = order = order_from(self.parameters)
        qt.QTimer.singleShot(0, lambda: self._start(order))  # the button is painted before large label maps are written

    def situation(self) -> EvaluateSituation:
        """Collect what decides whether a comparison can start."""
        chosen = self.parameters
        if chosen is None:
            return EvaluateSituation(phase=self.phase)
        if chosen.evaluateFolders:
            first, second = chosen.evaluatePredictionFolder.strip(), chosen.evaluateReferenceFolder.strip()
            same = first == second
        else:
            first, second = _title(chosen.evaluatePrediction), _title(chosen.evaluateReference)
            same = chosen.evaluatePrediction is chosen.evaluateReference
        return EvaluateSituation(chosen.evaluateFolders, first, second, same=same, problem=self._problem, phase=self.phase)

    def readiness(self) -> Readiness:
        """Return whether a comparison can start, and what to say if not."""
        return evaluate_readiness(self.situation())

    def _look(self) -> None:
        """Find out whether and how the two can be compared, without comparing them."""
        if self.phase is not Phase.IDLE:
            return
        self._problem, sentence = "", ""
        if self.parameters is not None and self.readiness().enabled:
            try:
                sentence = order_from(self.parameters).check()
            except KDSegError as error:
                self._problem = " ".join(part for part in (error.problem, _found(error), error.remedy) if part)
        self.tab.inputs.show_matching(sentence)

    @guarded
    def _start(self, order: Order) -> None:
        if order is not self._order:
            return
        job = evaluation_job(
            order.request,
            on_progress=lambda told: self._progress(order, told),
            on_log=self._services.log,
            on_finished=lambda told: self._finished(order, told),
        )
        self._services.log(order.title)
        self._job = job
        try:
            job.start()
        except Exception:
            self._leave((_("Not compared."), Tone.PROBLEM))
            raise

    def _cancel(self) -> None:
        if self.phase is not Phase.RUNNING:
            return
        if self._job is None:
            self._leave((_("Stopped. There is no result."), Tone.HINT))
            return
        self._enter(Phase.STOPPING)
        self.tab.progress.show(stopping())
        self._job.cancel()

    def _abandon(self) -> None:
        self._order = None
        super()._abandon()

    def _progress(self, order: Order, told: ProgressMessage) -> None:
        if order is self._order and self.phase is Phase.RUNNING:
            self.tab.progress.show(progress_view(stage_text(told.stage), told.overall, told.seconds_left))

    @guarded
    def _finished(self, order: Order, told: Told) -> None:
        if order is not self._order:
            return  # an abandoned comparison takes a moment to end
        if isinstance(told, EvaluationResult):
            outcome = (_("Compared, but the result cannot be shown."), Tone.PROBLEM)
            try:
                outcome = self._show(order.arranged(told), order)
            finally:
                self._leave(outcome)
        elif isinstance(told, Stopped):
            self._leave((_("Stopped. There is no result."), Tone.HINT))
        elif isinstance(told, Failed):
            self._leave((_("Not compared: {problem}").format(problem=told.error.problem), Tone.PROBLEM))
            self.failures.show(told.error, told.details)

    def _show(self, result: EvaluationResult, order: Order) -> Tuple[str, Tone]:
        table = self.results.show(result, order)
        if self.parameters is not None:
            self.parameters.evaluateTable = table
        return outcome_text(result, order.note)

    def _say(self, outcome: Tuple[str, Tone]) -> None:
        self.outcome = outcome
        self.update()

    def _leave(self, outcome: Tuple[str, Tone]) -> None:
        self._order = None
        super()._leave(outcome)


def _found(error: KDSegError) -> str:
    return _("Found: {found}.").format(found=error.found) if error.found else ""


def _title(node: Any) -> str:
    return "" if node is None else str(node.GetName() or node.GetID())
