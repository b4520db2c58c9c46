"""Several volumes in one go: the cases, how each stands, and whether the queue can start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Dict, Sequence, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import count_text
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone


class Source(str, Enum):
    """Where the cases come from."""

    VOLUMES = "volumes"
    FOLDER = "folder"
    SEQUENCE = "sequence"


class CaseState(str, Enum):
    """How a case stands."""

    NEW = "new"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class Case:
    """One volume, file or frame.

    Attributes
    ----------
    name
        What its row is called.
    wanted
        Whether it is checked.
    state
        How it stands.
    problem
        The reason of a failure, in one sentence.
    key
        Identifies it; two volumes may have the same name.
    explanation
        The reason of a failure and what to do, in lines.
    """

    name: str
    wanted: bool = True
    state: CaseState = CaseState.NEW
    problem: str = ""
    key: str = ""
    explanation: str = ""


@dataclass(frozen=True)
class Queue:
    """Everything that decides whether the queue can start.

    Attributes
    ----------
    source
        Where the cases come from.
    cases
        In order.
    folder_chosen
        Whether there is a folder for the results; files need one.
    has_student
        Whether a student is chosen.
    structures
        Number of structures that are wanted.
    channels
        Names of the student's input channels.
    folder_problem
        Why the folder of images cannot be used; empty if it can.
    other_run
        Whether a single run is on.
    phase
        Whether the queue runs.
    """

    source: Source = Source.VOLUMES
    cases: Tuple[Case, ...] = ()
    folder_chosen: bool = False
    has_student: bool = True
    structures: int = 1
    channels: Tuple[str, ...] = ()
    folder_problem: str = ""
    other_run: bool = False
    phase: Phase = Phase.IDLE


def queue_readiness(queue: Queue) -> Readiness:
    """Decide what the button is called, whether it can be pressed, and what stands beside it."""
    if queue.phase is not Phase.IDLE:
        running = queue.phase is Phase.RUNNING
        return Readiness(running, _("Cancel all") if running else _("Stopping…"), summary(queue.cases))
    wanted = sum(case.wanted for case in queue.cases)
    button = count_text(wanted, _("Segment 1 volume"), _("Segment {count} volumes")) if wanted else _("Segment all")
    reason = _reason(queue, wanted)
    failed = any(case.state is CaseState.FAILED for case in queue.cases)
    return Readiness(not reason, button, reason or summary(queue.cases), Tone.WARNING if failed and not reason else Tone.HINT)


def stands(wanted: Sequence[bool], results: Sequence[Tuple[str, str]], current: int) -> Tuple[Tuple[CaseState, str], ...]:
    """Return state and problem of every case while a queue runs, or after it.

    Parameters
    ----------
    wanted
        Which cases are in the queue.
    results
        State (as the logic names it) and problem of each case of the queue, in order.
    current
        Index in the queue of the case that runs; the length of the queue when it has ended.
    """
    found = []
    place = 0
    for is_wanted in wanted:
        if not is_wanted:
            found.append((CaseState.NEW, ""))
            continue
        state, problem = results[place]
        waiting = state == CaseState.RUNNING.value and place > current
        found.append((CaseState.WAITING if waiting else CaseState(state), problem))
        place += 1
    return tuple(found)


def state_text(case: Case) -> str:
    """Return the words of a case's last column."""
    text = _state_texts()[case.state]
    return f"{text}: {case.problem}" if case.problem else text


def ended_text(cases: Sequence[Case]) -> str:
    """Return the lines of the log at the end of a queue: how many are in which state, and the reason of every failure."""
    lines = [_("The queue has ended: {summary}.").format(summary=summary(cases))]
    for case in cases:
        if case.state is CaseState.FAILED:
            text = _("{name} failed: {reason}")
            lines.append(text.format(name=case.name, reason=case.explanation or case.problem))
    return "\n".join(lines)


def summary(cases: Sequence[Case]) -> str:
    """Return how many cases are in which state; empty before anything was started."""
    counts = {state: sum(case.state is state for case in cases) for state in CaseState}
    return ", ".join(words.format(count=counts[state]) for state, words in _count_texts().items() if counts[state])


def _reason(queue: Queue, wanted: int) -> str:
    if not queue.cases:
        return queue.folder_problem or _nothing_texts()[queue.source]
    if not wanted:
        return _("Check at least one.")
    refusal = _unusable_student(queue)
    if refusal:
        return refusal
    if queue.source is Source.FOLDER and not queue.folder_chosen:
        return _("Choose a folder for the results.")
    return _("A single run is on.") if queue.other_run else ""


def _unusable_student(queue: Queue) -> str:
    if not queue.has_student:
        return _("Choose a student above.")
    if len(queue.channels) > 1:
        text = _("This student needs {count} aligned volumes ({names}); the queue gives one. Use Python or the command line.")
        return text.format(count=len(queue.channels), names=", ".join(queue.channels))
    return "" if queue.structures else _("Choose at least one structure above.")


def _nothing_texts() -> Dict[Source, str]:
    return {
        Source.VOLUMES: _("Load volumes first. Each gets a segmentation of its own, with the student and the options above."),
        Source.FOLDER: _(
            "Choose a folder with images (NIfTI, NRRD, MetaImage). Student, structures and limits above are used for all;"
            " results are files and are not shown in the scene."
        ),
        Source.SEQUENCE: _("The sequence has no volumes."),
    }


def _state_texts() -> Dict[CaseState, str]:
    return {
        CaseState.NEW: "",
        CaseState.WAITING: _("waiting"),
        CaseState.RUNNING: _("running"),
        CaseState.SUCCEEDED: _("done"),
        CaseState.FAILED: _("failed"),
        CaseState.STOPPED: _("stopped"),
        CaseState.DISCARDED: _("computed, not kept: the result is made only when every frame succeeds"),
    }


def _count_texts() -> Dict[CaseState, str]:
    return {
        CaseState.WAITING: _("{count} waiting"),
        CaseState.RUNNING: _("{count} running"),
        CaseState.SUCCEEDED: _("{count} done"),
        CaseState.FAILED: _("{count} failed"),
        CaseState.STOPPED: _("{count} stopped"),
        CaseState.DISCARDED: _("{count} computed, not kept"),
    }
