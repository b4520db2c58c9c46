"""What the tabs Evaluate and Profile share: choices in a parameter node, and one job at a time."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import vtk

from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone
from KDSegmentatorTrainingLib.panel.control import Services


class JobControl:
    """Joins a tab with what stands behind it; one job at a time.

    Parameters
    ----------
    services
        What the panel gives.

    Attributes
    ----------
    parameters
        The scene's choices; None while the panel is not shown.
    phase
        Whether a job runs.
    outcome
        What is said of the last job; an empty text for nothing.
    tab
        The tab's widgets: inputs, status, progress, results.
    """

    tab: Any

    def __init__(self, services: Services) -> None:
        self.failures, self._services = services.failures, services
        self.parameters: Optional[Any] = None
        self.phase = Phase.IDLE
        self.outcome: Tuple[str, Tone] = ("", Tone.HINT)
        self._observer: Any = None
        self._job: Optional[Any] = None

    def bind(self, parameters: Any) -> None:
        """Show the choices of a parameter node and write changes into it."""
        self.unbind()
        self.parameters = parameters
        self._observer = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._modified)
        self.refresh()

    def unbind(self) -> None:
        """Let the parameter node go; what runs goes on."""
        if self.parameters is not None:
            self.parameters.RemoveObserver(self._observer)
        self.parameters = self._observer = None

    def refresh(self) -> None:
        """Look again at what can be chosen."""
        raise NotImplementedError

    def readiness(self) -> Readiness:
        """Return whether a job can start, and what to say if not."""
        raise NotImplementedError

    def update(self) -> None:
        """Show the state of everything."""
        state = self.readiness()
        self.tab.show_readiness(state, running=self.phase is not Phase.IDLE)
        outcome, tone = self.outcome
        if outcome and (state.enabled or not state.sentence):
            self.tab.status.show_sentence(outcome, tone)

    def clean_up(self) -> None:
        """Stop everything; the panel goes away."""
        self._abandon()

    @guarded
    def _chosen(self, name: str, value: Any) -> None:
        if self.parameters is not None:
            setattr(self.parameters, name, value)

    @guarded
    def _modified(self, caller: Any, event: Any) -> None:
        if self.phase is Phase.IDLE:
            self.outcome = ("", Tone.HINT)
        self._show_choices()

    def _show_choices(self) -> None:
        """Show the choices after one of them has changed."""
        self.refresh()

    def _abandon(self) -> None:
        """Stop the job and say nothing of it."""
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
        if self.phase is not Phase.IDLE:
            self._leave(("", Tone.HINT))

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.update()

    def _leave(self, outcome: Tuple[str, Tone]) -> None:
        self.phase, self.outcome, self._job = Phase.IDLE, outcome, None
        if outcome[0]:
            self._services.log(outcome[0])
        self.tab.progress.show(None)
        self.update()
