"""How a job ended, decided from what the child told and from the file, never from a log or from a file that merely exists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Union

from kdseg.errors import Cancelled, KDSegError, WorkerError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.messages import DoneMessage, FailedMessage, Message
from KDSegmentatorLib.jobs.request import JobRequest

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Succeeded:
    """The result is there and is what the child wrote; ``path`` is None where only an estimate was asked for."""

    path: Optional[Path]
    report: Mapping[str, Any]


@dataclass(frozen=True)
class Failed:
    """There is no result; ``details`` is for those who repair it (traceback, what libraries printed)."""

    error: KDSegError
    details: str = field(default="", repr=False)


@dataclass(frozen=True)
class Stopped:
    """The user cancelled; there is no result."""


Outcome = Union[Succeeded, Failed, Stopped]


@dataclass(frozen=True)
class Ended:
    """What is known of a child that has ended.

    Attributes
    ----------
    exit_code
        Of the process; of a crash on POSIX the number of the signal.
    crashed
        Whether it was ended by a signal or an exception of the operating system.
    last
        Its last message; None if there was none.
    details
        Text for those who repair.
    """

    exit_code: int
    crashed: bool
    last: Optional[Message]
    details: str = ""


def judge(request: JobRequest, ended: Ended, *, cancelled: bool) -> Outcome:
    """Decide how a segmentation ended; ``cancelled`` tells whether the user asked for it."""
    return judge_output(request.output_path, ended, cancelled=cancelled, optional=request.estimate_only)


def judge_output(output: Path, ended: Ended, *, cancelled: bool, optional: bool = False) -> Outcome:
    """Decide how a job ended that was to write the file ``output``; with ``optional`` it may have none to write."""
    last = ended.last
    if cancelled:
        return Stopped()
    if isinstance(last, FailedMessage):
        if isinstance(last.error, Cancelled):
            return Stopped()
        return Failed(last.error, _joined(last.details, ended.details))
    if ended.crashed or ended.exit_code != 0 or not isinstance(last, DoneMessage):
        return Failed(_ended_early(ended), ended.details)
    if optional and last.output is None:
        return Succeeded(None, last.report)
    fault = _fault(output, last)
    return Succeeded(output, last.report) if fault is None else Failed(fault, ended.details)


def _fault(path: Path, done: DoneMessage) -> Optional[WorkerError]:
    """Return why the file is not the result that the child wrote, or None."""
    if done.output is None or Path(done.output) != path:
        return WorkerError(_("The process that computes wrote another file."), expected=str(path), found=str(done.output))
    try:
        found = _sha256(path)
    except OSError as error:
        return WorkerError(_("The result is gone."), found=error.strerror or str(error), path=path, remedy=_remedy())
    if found != done.sha256:
        return WorkerError(
            _("The result was changed after it was written."),
            expected=f"SHA-256 {done.sha256}",
            found=found,
            path=path,
            remedy=_remedy(),
        )
    return None


def _ended_early(ended: Ended) -> WorkerError:
    found = _("exit code {code}").format(code=ended.exit_code)
    remedy = _("Look at the details; start it again.")
    if ended.crashed:
        found = _("it was ended by the operating system or crashed (code {code})").format(code=ended.exit_code)
        remedy = _("Often memory was short: close other programs, set a memory ceiling, or choose a smaller student.")
    elif ended.exit_code == 0:
        found = _("it ended without saying that the result is complete")
    return WorkerError(
        _("The process that computes ended without a result."), expected=_("a result"), found=found, remedy=remedy
    )


def _remedy() -> str:
    return _("Start it again; if it happens again, look for a program that changes temporary files.")


def _joined(*texts: str) -> str:
    return "\n".join(text.rstrip() for text in texts if text.strip())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)
