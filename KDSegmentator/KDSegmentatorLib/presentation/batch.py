"""The queue of several volumes: its rows, and whether it can start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Dict, Sequence

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import count_text
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone


class ItemState(str, Enum):
    """What became of one item of the queue; the values are those of the logic."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class BatchRow:
    """One line of the queue: name, what it is (volume, file, sequence), state, and the reason of a failure."""

    name: str
    kind: str
    state: ItemState = ItemState.WAITING
    problem: str = ""


def row_text(row: BatchRow) -> str:
    """Return the text of a row's last column."""
    text = _state_texts()[row.state]
    return f"{text}: {row.problem}" if row.problem else text


def batch_readiness(rows: Sequence[BatchRow], *, has_student: bool, phase: Phase, other_run: bool) -> Readiness:
    """Decide what the queue's button is called, whether it can be pressed, and why not.

    Parameters
    ----------
    rows
        The queue.
    has_student
        Whether a student is chosen.
    phase
        Whether the queue runs.
    other_run
        Whether a single run is on, which the queue has to wait for.
    """
    if phase is not Phase.IDLE:
        running = phase is Phase.RUNNING
        return Readiness(running, _("Cancel all") if running else _("Stopping…"), summary(rows))
    reason = _reason(rows, has_student=has_student, other_run=other_run)
    waiting = any(row.state is ItemState.WAITING for row in rows)
    return Readiness(waiting and not reason, _("Segment all"), reason or summary(rows), Tone.HINT if reason else _tone(rows))


def _reason(rows: Sequence[BatchRow], *, has_student: bool, other_run: bool) -> str:
    if not rows:
        return _("Add volumes, a folder or sequences. The student and options above are used for all.")
    if not has_student:
        return _("Choose a student above.")
    return _("A single run is on.") if other_run else ""


def summary(rows: Sequence[BatchRow]) -> str:
    """Return how many items are in which state; states without items are left out."""
    counts = {state: sum(row.state is state for row in rows) for state in ItemState}
    words = _count_texts()
    return ", ".join(words[state].format(count=count) for state, count in counts.items() if count)


def added_text(count: int) -> str:
    """Return what is said after items were added."""
    if count == 0:
        return _("Nothing was added: everything found is in the list already.")
    return count_text(count, _("1 added."), _("{count} added."))


def _tone(rows: Sequence[BatchRow]) -> Tone:
    return Tone.WARNING if any(row.state is ItemState.FAILED for row in rows) else Tone.HINT


def _state_texts() -> Dict[ItemState, str]:
    return {
        ItemState.WAITING: _("waiting"),
        ItemState.RUNNING: _("running"),
        ItemState.SUCCEEDED: _("done"),
        ItemState.FAILED: _("failed"),
        ItemState.STOPPED: _("stopped"),
    }


def _count_texts() -> Dict[ItemState, str]:
    return {
        ItemState.WAITING: _("{count} waiting"),
        ItemState.RUNNING: _("{count} running"),
        ItemState.SUCCEEDED: _("{count} done"),
        ItemState.FAILED: _("{count} failed"),
        ItemState.STOPPED: _("{count} stopped"),
    }
