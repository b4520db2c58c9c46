"""One run from the click to its end, as the panel sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.facts import student_title_of
from KDSegmentatorLib.presentation import progress as progress_texts
from KDSegmentatorLib.presentation import result as result_texts
from KDSegmentatorLib.presentation.progress import ProgressView
from KDSegmentatorLib.presentation.readiness import Phase, Tone


@dataclass(frozen=True)
class Order:
    """What the user asked for when Segment was pressed; later changes of the panel do not touch it.

    Attributes
    ----------
    volume, segmentation
        Nodes; no segmentation makes a new one.
    student
        The installed student.
    parameters
        The parameter node that is told of the result.
    options
        Keyword arguments of the logic's ``segment``: structures, threads, memoryBytes, engine, mirroring.
    show_3d, volumes_table
        What is done with the result.
    """

    volume: Any
    student: Any
    segmentation: Optional[Any]
    parameters: Any
    options: Dict[str, Any]
    show_3d: bool
    volumes_table: bool


class RunControl:
    """Starts and cancels runs; one at a time.

    Parameters
    ----------
    logic
        The module's logic.
    failures
        Shows errors.
    on_changed
        Called when :attr:`phase` or :attr:`outcome` changed.
    on_progress
        Called with what the bar shows; None when the run is over.
    on_log
        Called with lines for the log.
    on_result
        Called with the order and the segmentation node of a run that succeeded.
    """

    def __init__(
        self,
        logic: Any,
        *,
        failures: Any,
        on_changed: Callable[[], None],
        on_progress: Callable[[Optional[ProgressView]], None],
        on_log: Callable[[str], None],
        on_result: Callable[[Order, Any], None],
    ) -> None:
        self._logic, self.failures = logic, failures
        self._on_changed, self._on_progress, self._on_log, self._on_result = on_changed, on_progress, on_log, on_result
        self._run: Optional[Any] = None
        self._order: Optional[Order] = None
        self._began = 0.0
        self._doubts: List[str] = []
        self.phase = Phase.IDLE
        self.outcome: Tuple[str, Tone] = ("", Tone.HINT)

    def start(self, order: Order) -> None:
        """Start a run.

        Raises
        ------
        KDSegError
            If it cannot start.
        """
        self._order, self._began, self._doubts = order, time.monotonic(), []
        self.outcome = ("", Tone.HINT)
        self._on_log(
            _("Segmenting {volume} with {student}.").format(
                volume=order.volume.GetName(), student=student_title_of(order.student)
            )
        )
        self._enter(Phase.RUNNING, progress_texts.starting())
        try:
            self._run = self._logic.segment(
                order.volume,
                order.student,
                order.segmentation,
                wait=False,
                onProgress=partial(self._progress, order),
                onEvent=partial(self._event, order),
                onFinished=partial(self._finished, order),
                **order.options,
            )
        except Exception:
            self._leave(result_texts.failed(_("the run could not start."), self._kept()))
            raise

    def cancel(self) -> None:
        """Stop the run, if there is one; its end is told later."""
        if self.phase is Phase.RUNNING and self._run is not None:
            self._on_log(_("Stopping."))
            self._enter(Phase.STOPPING, progress_texts.stopping())
            self._run.cancel()

    def abandon(self) -> None:
        """Stop the run and forget it: the panel or the scene goes away, nobody wants to hear of its end."""
        run, self._run = self._run, None
        self._order = None
        if run is not None and self.phase is not Phase.IDLE:
            run.cancel()
        self.phase = Phase.IDLE
        self._on_progress(None)

    def say(self, outcome: Tuple[str, Tone]) -> None:
        """Show a sentence in the place of an outcome: why a run did not begin."""
        self.outcome = outcome
        self._on_changed()

    def forget_outcome(self) -> None:
        """Say nothing of the last run any more: the choices changed."""
        self.outcome = ("", Tone.HINT)

    def _progress(self, order: Order, update: Any) -> None:
        if order is self._order and self.phase is Phase.RUNNING:
            self._on_progress(progress_texts.progress_view(_value(update.stage), update.overall, update.secondsLeft))

    def _event(self, order: Order, event: Dict[str, Any]) -> None:
        if order is not self._order:
            return
        if event.get("event") == "doubt":
            self._doubts.append(str(event["text"]))
        text = event.get("text") or event.get("sentence")
        if text:
            self._on_log(str(text))

    def _finished(self, order: Order, run: Any) -> None:
        if order is not self._order:
            return  # an abandoned run takes a moment to end, and the next one may be on
        if run.state == "succeeded":
            self._leave(self._result(order, run))
        elif run.state == "stopped":
            self._leave(result_texts.stopped(self._kept()))
        else:
            outcome = result_texts.failed(run.error.problem, self._kept())
            self._leave(outcome)
            self.failures.show(run.error, run.details)

    def _result(self, order: Order, run: Any) -> Tuple[str, Tone]:
        self._on_progress(progress_texts.loading())
        node = run.segmentationNode
        notes = list(run.notes)
        if order.segmentation is not None and node is not order.segmentation:
            notes.append(result_texts.replaced_by_new(order.segmentation.GetName()))
        outcome = result_texts.succeeded(
            node.GetName(),
            found=node.GetSegmentation().GetNumberOfSegments(),
            not_found=tuple(run.notFound),
            doubts=tuple(self._doubts),
            notes=tuple(notes),
            seconds=time.monotonic() - self._began,
        )
        try:
            self._on_result(order, node)
        except Exception as error:  # noqa: BLE001  the result is there; what was to follow failed, and that is shown
            self.failures.show(error)
        return outcome

    def _kept(self) -> str:
        """Return the name of the segmentation that was to be replaced, while it exists and holds something."""
        node = None if self._order is None else self._order.segmentation
        if node is None or slicer.mrmlScene.GetNodeByID(node.GetID() or "") is not node:
            return ""
        return node.GetName() if node.GetSegmentation().GetNumberOfSegments() else ""

    def _enter(self, phase: Phase, view: ProgressView) -> None:
        self.phase = phase
        self._on_progress(view)
        self._on_changed()

    def _leave(self, outcome: Tuple[str, Tone]) -> None:
        self.phase, self.outcome = Phase.IDLE, outcome
        self._run = self._order = None
        self._on_log(outcome[0])
        self._on_progress(None)
        self._on_changed()


def _value(stage: Any) -> str:
    return str(getattr(stage, "value", stage))
