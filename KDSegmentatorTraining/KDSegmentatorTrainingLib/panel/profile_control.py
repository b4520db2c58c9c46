"""The tab Profile."""

from __future__ import annotations

from typing import Any, Optional

from KDSegmentatorTrainingLib.panel.control import Services
from KDSegmentatorTrainingLib.widgets.profile_tab import ProfileTab


class ProfileControl:
    """Joins the tab Profile with what stands behind it.

    Parameters
    ----------
    page
        The tab's empty page.
    services
        What the panel gives.
    """

    def __init__(self, page: Any, services: Services) -> None:
        self.failures, self._services = services.failures, services
        self.parameters: Optional[Any] = None
        self.tab = ProfileTab(page)

    def bind(self, parameters: Any) -> None:
        """Show the choices of a parameter node and write changes into it."""
        self.parameters = parameters

    def unbind(self) -> None:
        """Let the parameter node go; what runs goes on."""
        self.parameters = None

    def refresh(self) -> None:
        """Look at the scene and at the students again."""

    def forget_scene(self) -> None:
        """Stop what works on nodes of the scene: it closes."""

    def clean_up(self) -> None:
        """Stop everything; the panel goes away."""
