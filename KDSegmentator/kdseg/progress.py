"""What a run tells while it works, and how it is stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Dict, Optional

from kdseg.errors import Cancelled


class Stage(str, Enum):
    """The stages of a run, in order; the values appear in reports and JSON lines.

    ``LABELS`` has a time of its own but no progress: labels are decided while the network runs, and ``NETWORK`` tells of both.
    """

    READ = "read"
    PREPROCESS = "preprocess"
    NETWORK = "network"
    LABELS = "resample and arg-max"
    WRITE = "write"


@dataclass(frozen=True)
class Progress:
    """One progress message.

    Attributes
    ----------
    stage
        The stage that is running.
    fraction
        Share of that stage that is done, 0 to 1.
    seconds_left
        Estimated time until the stage ends, in seconds; None while it is not known.
    """

    stage: Stage
    fraction: float
    seconds_left: Optional[float] = None


ProgressCallback = Callable[[Progress], None]
"""Called with each :class:`Progress`; must return quickly."""

CancelCallback = Callable[[], bool]
"""Asked before each pass of the network and each slab of sums, and between stages.

True stops the run with :class:`kdseg.errors.Cancelled`.
"""


class Monitor:
    """Passes progress on, asks for cancellation, and keeps the time of every stage.

    Parameters
    ----------
    progress, cancel
        The caller's callbacks; None for none.
    """

    def __init__(self, progress: Optional[ProgressCallback] = None, cancel: Optional[CancelCallback] = None) -> None:
        self._progress = progress
        self._cancel = cancel
        self._started: Dict[Stage, float] = {}
        self.seconds: Dict[Stage, float] = {}

    def report(self, stage: Stage, fraction: float) -> None:
        """Tell that ``fraction`` of ``stage`` is done, and raise :class:`Cancelled` if the caller wants to stop."""
        now = time.perf_counter()
        began = self._started.setdefault(stage, now)
        if self._cancel is not None and self._cancel():
            raise Cancelled("The run was cancelled.", remedy="Nothing was written; start it again when you like.")
        if self._progress is not None:
            left = (now - began) / fraction * (1.0 - fraction) if fraction > 0 else None
            self._progress(Progress(stage, fraction, left))

    def add_seconds(self, stage: Stage, seconds: float) -> None:
        """Add wall-clock time to a stage; stages may interleave."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
