"""The widgets of the tab Evaluate."""

from __future__ import annotations

from typing import Any, Callable

from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.widgets.evaluate_inputs import EvaluateInputs
from KDSegmentatorTrainingLib.widgets.evaluate_results import EvaluateResults, ResultsActions
from KDSegmentatorTrainingLib.widgets.job_tab import JobTab


class EvaluateTab(JobTab):
    """Fills the tab Evaluate.

    Parameters
    ----------
    page
        The tab's empty page.
    on_changed
        Called with the name of a choice and its new value.
    on_start
        Called when the button is pressed.
    actions
        What is called for the results.
    """

    inputs: EvaluateInputs
    results: EvaluateResults

    def __init__(
        self, page: Any, *, on_changed: Callable[[str, Any], None], on_start: Callable[[], None], actions: ResultsActions
    ) -> None:
        super().__init__(
            page,
            lambda place: EvaluateInputs(place, on_changed),
            lambda place: EvaluateResults(place, actions),
            start=(_("Evaluate"), _("Compares the two in a process of its own."), on_start, "evaluateButton"),
        )
