"""The widgets of the tab Evaluate."""

from __future__ import annotations

from typing import Any, Callable

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.readiness import Readiness
from KDSegmentatorLib.widgets.building import button, column
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea
from KDSegmentatorTrainingLib.widgets.evaluate_inputs import EvaluateInputs
from KDSegmentatorTrainingLib.widgets.evaluate_results import EvaluateResults, ResultsActions

MARGIN = 6
"""Space around the content of a tab, in pixels."""


class EvaluateTab:
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

    def __init__(
        self, page: Any, *, on_changed: Callable[[str, Any], None], on_start: Callable[[], None], actions: ResultsActions
    ) -> None:
        inputs, status, progress, results = (qt.QWidget() for _place in range(4))
        self.inputs = EvaluateInputs(inputs, on_changed)
        self.status, self.progress = StatusArea(status), ProgressArea(progress)
        self.start_button = button(_("Evaluate"), _("Compares the two in a process of its own."), on_start, "evaluateButton")
        self.results = EvaluateResults(results, actions)
        layout = column(page)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        for widget in (inputs, status, self.start_button, progress, results):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_readiness(self, state: Readiness, *, running: bool) -> None:
        """Show the button and the sentence beside it; lock the choices while a comparison is on."""
        self.start_button.text = state.button
        self.start_button.enabled = state.enabled
        self.status.show_sentence(state.sentence, state.tone)
        self.inputs.set_locked(running)
