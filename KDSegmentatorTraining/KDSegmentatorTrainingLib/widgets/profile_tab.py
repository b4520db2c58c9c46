"""The widgets of the tab Profile."""

from __future__ import annotations

from typing import Any, Callable

from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.widgets.job_tab import JobTab
from KDSegmentatorTrainingLib.widgets.profile_inputs import ProfileInputs
from KDSegmentatorTrainingLib.widgets.profile_results import ProfileActions, ProfileResults


class ProfileTab(JobTab):
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

    inputs: ProfileInputs
    results: ProfileResults

    def __init__(
        self,
        page: Any,
        *,
        on_changed: Callable[[str, Any], None],
        on_checked: Callable[[], None],
        on_start: Callable[[], None],
        actions: ProfileActions,
    ) -> None:
        super().__init__(
            page,
            lambda place: ProfileInputs(place, on_changed, on_checked),
            lambda place: ProfileResults(place, actions),
            start=(_("Profile"), _("Measures the students in processes of their own."), on_start, "profileButton"),
        )
