"""What the tabs Evaluate and Profile share: choices, a sentence, a button, progress and results below one another."""

from __future__ import annotations

from typing import Any, Callable

import qt

from KDSegmentatorLib.presentation.readiness import Readiness
from KDSegmentatorLib.widgets.building import button, column
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea

MARGIN = 6
"""Space around the content of a tab, in pixels."""


class JobTab:
    """Fills a tab.

    Parameters
    ----------
    page
        The tab's empty page.
    make_inputs, make_results
        Fill an empty widget.
    start
        Text, tip, action and object name of the button.
    """

    inputs: Any
    results: Any

    def __init__(
        self,
        page: Any,
        make_inputs: Callable[[Any], Any],
        make_results: Callable[[Any], Any],
        *,
        start: tuple[str, str, Callable[[], None], str],
    ) -> None:
        inputs, status, progress, results = (qt.QWidget() for _place in range(4))
        self.inputs = make_inputs(inputs)
        self.status, self.progress = StatusArea(status), ProgressArea(progress)
        self.start_button = button(*start)
        self.results = make_results(results)
        layout = column(page)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        for widget in (inputs, status, self.start_button, progress, results):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_readiness(self, state: Readiness, *, running: bool) -> None:
        """Show the button and the sentence beside it; lock the choices while a job is on."""
        self.start_button.text = state.button
        self.start_button.enabled = state.enabled
        self.status.show_sentence(state.sentence, state.tone)
        self.inputs.set_locked(running)
