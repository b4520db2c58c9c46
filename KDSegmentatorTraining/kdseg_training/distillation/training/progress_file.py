"""How far a run is, in a small file for a program that watches it; that program may come and go."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Literal, Mapping, Optional, Sequence

from kdseg.atomic import write_bytes
from kdseg.errors import KDSegError, OutputError
from kdseg_training.distillation.training.display import Display
from kdseg_training.distillation.training.history import EpochRecord

SCHEMA = "kdseg-training-progress/1"
"""Name and version of the file's content."""

SECONDS_BETWEEN_WRITES = 1.0
"""Steps are not written more often than this."""

State = Literal["preparing", "training", "finishing", "done", "stopped", "failed"]


class ProgressFile:
    """Writes the file; a :class:`Display` that passes on to another one what it is told.

    The file is one JSON object: ``schema``, ``pid``, ``state``, ``message`` (the last sentence), ``students`` (names),
    ``first_step``, ``step`` and ``steps``, ``seconds_left`` (None while it is not known), ``losses`` (mean of this epoch for
    each student), ``epochs`` (done, for each student), ``error`` (None, or :meth:`kdseg.errors.KDSegError.as_dict`) and
    ``updated`` (seconds since 1970).

    Parameters
    ----------
    path
        The file; written atomically.
    display
        Told of everything as well.

    Raises
    ------
    OutputError
        If it cannot be written. Only at the start: later a write that fails is left out, because the training matters more.
    """

    def __init__(self, path: Path, display: Display) -> None:
        self._path, self._display = path, display
        self._written = self._began = 0.0
        self._content: Dict[str, Any] = {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "state": "preparing",
            "message": "",
            "students": [],
            "first_step": 0,
            "step": 0,
            "steps": 0,
            "seconds_left": None,
            "losses": {},
            "epochs": {},
            "error": None,
        }
        write_bytes(self._path, self._text())

    def say(self, text: str) -> None:
        """Take a sentence for people."""
        self._content["message"] = text
        self._write()

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        """Write that training starts."""
        self._began = time.monotonic()
        self._content.update(state="training", students=list(arms), first_step=first_step, step=first_step, steps=steps)
        self._write()
        self._display.begin(arms, first_step, steps)

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Write how far it is, now and then."""
        now = time.monotonic()
        done = step - int(self._content["first_step"])
        left = (now - self._began) / max(done, 1) * (int(self._content["steps"]) - step)
        finite = {name: value for name, value in losses.items() if math.isfinite(value)}
        self._content.update(step=step, seconds_left=left, losses=finite)
        if now - self._written >= SECONDS_BETWEEN_WRITES:
            self._write()
        self._display.step(step, losses)

    def epoch(self, arm: str, record: EpochRecord) -> None:
        """Write that an epoch ended; its numbers are in the arm's table."""
        self._content["epochs"] = {**self._content["epochs"], arm: record.epoch + 1}
        self._write()
        self._display.epoch(arm, record)

    def end(self) -> None:
        """Write that the steps are over; validation may follow."""
        self._content.update(state="finishing", seconds_left=None)
        self._write()
        self._display.end()

    def close(self, state: State, error: Optional[KDSegError] = None) -> None:
        """Write how the run ended."""
        self._content.update(state=state, seconds_left=None, error=None if error is None else error.as_dict())
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        with suppress(OutputError):
            write_bytes(self._path, self._text())

    def _text(self) -> bytes:
        content = {**self._content, "updated": time.time()}
        return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode("utf-8")
