"""The widgets of the tab Profile."""

from __future__ import annotations

from typing import Any, Callable

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.readiness import Readiness
from KDSegmentatorLib.widgets.building import button, column
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea
from KDSegmentatorTrainingLib.widgets.evaluate_tab import MARGIN
from KDSegmentatorTrainingLib.widgets.profile_inputs import ProfileInputs
from KDSegmentatorTrainingLib.widgets.profile_results import ProfileActions, ProfileResults


class ProfileTab:
    """Fills the tab Profile.

    Parameters
    ----------
    page
        The tab's empty page.
    on_changed
        Called with the name of a choice and its new value.
    on_checked
        Called when a student was checked or unchecked.
    on_start
        Called when the button is pressed.
    actions
        What is called for the results.
    """

    def __init__(
        self,
        page: Any,
        *,
        on_changed: Callable[[str, Any], None],
        on_checked: Callable[[], None],
        on_start: Callable[[], None],
        actions: ProfileActions,
    ) -> None:
        inputs, status, progress, results = (qt.QWidget() for _place in range(4))
        self.inputs = ProfileInputs(inputs, on_changed, on_checked)
        self.status, self.progress = StatusArea(status), ProgressArea(progress)
        self.start_button = button(
            _("Profile"), _("Measures the students in processes of their own."), on_start, "profileButton"
        )
        self.results = ProfileResults(results, actions)
        layout = column(page)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        for widget in (inputs, status, self.start_button, progress, results):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_readiness(self, state: Readiness, *, running: bool) -> None:
        """Show the button and the sentence beside it; lock the choices while a profile is on."""
        self.start_button.text = state.button
        self.start_button.enabled = state.enabled
        self.status.show_sentence(state.sentence, state.tone)
        self.inputs.set_locked(running)
