"""What a caller holds while a student works, and afterwards."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import qt

from kdseg.errors import Cancelled, KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.messages import Message, ProgressMessage, as_data
from KDSegmentatorLib.jobs.outcome import Failed, Outcome, Stopped, Succeeded
from KDSegmentatorLib.runs.job import VolumeJob, unexpected

RUNNING, SUCCEEDED, FAILED, STOPPED = "running", "succeeded", "failed", "stopped"
"""The states of a run."""


@dataclass(frozen=True)
class ProgressUpdate:
    """How far a run is.

    Attributes
    ----------
    stage
        What the child process does now, a value of :class:`kdseg.progress.Stage`.
    fraction
        Share of that stage, 0 to 1.
    overall
        Share of the whole run, 0 to 1.
    secondsLeft
        Until the end of the whole run, in seconds; None while nothing is known.
    item, items, name
        Which volume of how many is computed, counted from 1, and what it is called.
    """

    stage: str
    fraction: float
    overall: float
    secondsLeft: Optional[float]
    item: int = 1
    items: int = 1
    name: str = ""


@dataclass(frozen=True)
class Callbacks:
    """Whom a run tells; all are called from Slicer's event loop, and what they raise is only logged."""

    progress: Optional[Callable[[ProgressUpdate], None]] = None
    event: Optional[Callable[[Dict[str, Any]], None]] = None
    finished: Optional[Callable[[Any], None]] = None


class Run:
    """A run that was started; base of all kinds.

    Attributes
    ----------
    state
        "running", "succeeded", "failed" or "stopped".
    outcome
        How it ended, of :mod:`KDSegmentatorLib.jobs.outcome`; None while it runs.
    report
        What the child process reports of a success; empty otherwise.
    notes
        Sentences for people that belong beside the result, for example about the volume's transform.
    """

    def __init__(self, callbacks: Callbacks) -> None:
        self.outcome: Optional[Outcome] = None
        self.notes: Tuple[str, ...] = ()
        self._callbacks = callbacks
        self._job: Optional[VolumeJob] = None
        self._loop: Any = None
        self._cancelled = False

    @property
    def state(self) -> str:
        """How the run stands."""
        if self.outcome is None:
            return RUNNING
        if isinstance(self.outcome, Succeeded):
            return SUCCEEDED
        return FAILED if isinstance(self.outcome, Failed) else STOPPED

    @property
    def error(self) -> Optional[KDSegError]:
        """Why it failed; None unless it did."""
        return self.outcome.error if isinstance(self.outcome, Failed) else None

    @property
    def details(self) -> str:
        """What helps to repair a failure."""
        return self.outcome.details if isinstance(self.outcome, Failed) else ""

    @property
    def report(self) -> Mapping[str, Any]:
        """The report of the child process."""
        return self.outcome.report if isinstance(self.outcome, Succeeded) else {}

    def cancel(self) -> None:
        """Stop; what was in the scene before stays as it was. The end is told later."""
        self._cancelled = True
        if self._job is not None:
            self._job.cancel()

    def wait(self) -> None:
        """Return when the run has ended; Slicer's events are handled meanwhile."""
        if self.outcome is None:
            self._loop = qt.QEventLoop()
            self._loop.exec_()
            self._loop = None
        if self.outcome is None:  # the application quits
            self.cancel()
            if self._job is not None:
                self._job.wait()
            self._end(Stopped())

    def raise_for_outcome(self) -> None:
        """Raise the error of a run that failed, and Cancelled for one that was stopped."""
        if isinstance(self.outcome, Failed):
            raise self.outcome.error
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise Cancelled for a run that was stopped."""
        if isinstance(self.outcome, Stopped):
            raise Cancelled(_("The run was cancelled."), remedy=_("Nothing was changed; start it again when you like."))

    def _end(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        self._job = None
        call(self._callbacks.finished, self)
        if self._loop is not None:
            self._loop.quit()


class ChainRun(Run):
    """A run of several jobs, one after the other.

    Parameters
    ----------
    names
        What each job is called.
    callbacks
        Whom to tell.
    """

    def __init__(self, names: List[str], callbacks: Callbacks) -> None:
        super().__init__(callbacks)
        self._names = names
        self._index = 0
        self._began = time.monotonic()

    def start(self) -> None:
        """Start the first job; returns when it was started."""
        self._start_job()

    def _make_job(self, index: int) -> VolumeJob:
        """Return the job; it is started here."""
        raise NotImplementedError

    def _job_ended(self, index: int, outcome: Outcome) -> Optional[Outcome]:
        """Take note of how a job ended; an outcome ends the whole run."""
        raise NotImplementedError

    def _all_ended(self) -> Outcome:
        """Return the outcome of the whole run after its last job."""
        raise NotImplementedError

    def _start_job(self) -> None:
        if self.outcome is not None:
            return
        if self._cancelled:
            self._end(Stopped())
            return
        try:
            self._job = self._make_job(self._index)
            self._job.start()
        except Exception as error:  # noqa: BLE001 - this job has failed; what follows is decided in _job_ended
            self._job = None
            failed = Failed(error) if isinstance(error, KDSegError) else unexpected(error)
            qt.QTimer.singleShot(0, lambda: self._finished(failed))

    def _finished(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self._job = None
        try:
            end = self._job_ended(self._index, outcome)
            if end is None and self._index + 1 == len(self._names):
                end = self._all_ended()
        except Exception as error:  # noqa: BLE001 - without an end the caller would wait for ever
            end = unexpected(error)
        self._index += 1
        if end is not None:
            self._end(end)
        else:
            qt.QTimer.singleShot(0, self._start_job)

    def _event(self, message: Message) -> None:
        if self.outcome is None:
            tell(self._callbacks, message, self._place_in_chain)

    def _place_in_chain(self, update: ProgressUpdate) -> ProgressUpdate:
        count = len(self._names)
        overall = (self._index + update.overall) / count
        elapsed = time.monotonic() - self._began
        left = elapsed / overall * (1.0 - overall) if overall > 0 else None
        return ProgressUpdate(update.stage, update.fraction, overall, left, self._index + 1, count, self._names[self._index])


def tell(
    callbacks: Callbacks, message: Message, place: Callable[[ProgressUpdate], ProgressUpdate] = lambda update: update
) -> None:
    """Pass a message of a child process on."""
    if isinstance(message, ProgressMessage):
        update = ProgressUpdate(message.stage, message.fraction, message.overall, message.seconds_left)
        call(callbacks.progress, place(update))
    if callbacks.event is not None:
        call(callbacks.event, as_data(message))


def call(callback: Optional[Callable[[Any], None]], argument: Any) -> None:
    """Call back; a fault in there must not keep a run from ending."""
    if callback is None:
        return
    try:
        callback(argument)
    except Exception:  # the caller's own
        logging.exception("KDSegmentator: an error in a callback")
