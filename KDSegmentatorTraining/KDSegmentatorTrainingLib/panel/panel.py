"""The panel as a whole: three tabs and a log."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import slicer
from KDSegmentatorLib.panel.guard import FailureReporter, guarded
from KDSegmentatorLib.widgets.error_dialog import close_all
from KDSegmentatorLib.widgets.log_area import LogArea
from KDSegmentatorTrainingLib.panel.control import Services, TabControl
from KDSegmentatorTrainingLib.panel.distil_control import DistilControl
from KDSegmentatorTrainingLib.panel.evaluate_control import EvaluateControl
from KDSegmentatorTrainingLib.panel.profile_control import ProfileControl

TABS = ("distil", "evaluate", "profile")
"""Names of the tabs as the scene remembers them, in order."""


class TrainingPanel:
    """Joins the tabs.

    Parameters
    ----------
    root
        The widget that was made from the ``.ui`` file.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.ui = slicer.util.childWidgetVariables(root)
        self.parameters: Optional[Any] = None
        self.log = LogArea(self.ui.logPlace)
        self.failures = FailureReporter(root, self.log.add)
        services = Services(root, self.failures, self.log.add)
        self.distil = DistilControl(self.ui.distilPage, services)
        self.evaluate = EvaluateControl(self.ui.evaluatePage, services)
        self.profile = ProfileControl(self.ui.profilePage, services)
        self.ui.tabs.connect("currentChanged(int)", self._tab_chosen)

    @property
    def controls(self) -> Tuple[TabControl, ...]:
        """The controllers of the tabs, in the order of :data:`TABS`."""
        return (self.distil, self.evaluate, self.profile)

    def bind(self, parameters: Any) -> None:
        """Show the choices of a parameter node; the one before is let go."""
        self.unbind()
        if parameters.tab in TABS:
            self.ui.tabs.currentIndex = TABS.index(parameters.tab)
        self.parameters = parameters
        for control in self.controls:
            control.bind(parameters)

    def unbind(self) -> None:
        """Let the parameter node go: the scene closes, or the panel is left."""
        self.parameters = None
        for control in self.controls:
            control.unbind()

    def refresh(self) -> None:
        """Look again at students and scene: a node came or went."""
        for control in self.controls:
            control.refresh()

    def forget_scene(self) -> None:
        """The scene closes."""
        for control in self.controls:
            control.forget_scene()
        self.unbind()

    def clean_up(self) -> None:
        """Stop everything; the panel goes away."""
        for control in self.controls:
            control.clean_up()
        self.unbind()
        close_all()

    @guarded
    def _tab_chosen(self, index: int) -> None:
        if self.parameters is not None:
            self.parameters.tab = TABS[index]
