"""What the child tells, one JSON object a line: ASCII, ended by a newline.

======== =============================================================================================
event    when
======== =============================================================================================
started  first; with the version of this protocol and the process that computes
estimate when the volume is read: what the run will need
doubt    before the network runs: the volume does not look like what the student was made for
progress now and then
log      something to read
done     last: the result is written (of a request for an estimate: made)
failed   last: there is no result
======== =============================================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, Type, Union

from kdseg.errors import KDSegError, WorkerError
from kdseg.worker.error_data import error_as_data, error_from_data

PROTOCOL = 1
"""Version of this protocol; both sides come with one package, so they are equal or the installation is broken."""


@dataclass(frozen=True)
class StartedMessage:
    """The child runs: its protocol, its process id (not that of a launcher in front of it), its versions by name."""

    protocol: int
    pid: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class EstimateMessage:
    """What the run will need.

    Attributes
    ----------
    peak_bytes
        Estimated peak of the child's memory, in bytes.
    available_bytes
        Memory that this computer can give now, in bytes; None where it does not say.
    tiles, passes
        Patches, and passes of the network for each.
    sentence
        The same for people.
    """

    peak_bytes: int
    available_bytes: Optional[int]
    tiles: int
    passes: int
    sentence: str


@dataclass(frozen=True)
class ProgressMessage:
    """How far the run is.

    Attributes
    ----------
    stage
        A value of :class:`kdseg.progress.Stage`.
    fraction
        Share of the stage, 0 to 1.
    overall
        Share of the whole run, 0 to 1; it never falls.
    seconds_left
        Until the result is there, in seconds; None while nothing is known.
    """

    stage: str
    fraction: float
    overall: float
    seconds_left: Optional[float]


@dataclass(frozen=True)
class LogMessage:
    """A line for people."""

    text: str


@dataclass(frozen=True)
class DoubtMessage:
    """A sentence about what does not fit the student; a warning to show beside the result, never a refusal."""

    text: str


@dataclass(frozen=True)
class DoneMessage:
    """The result: path, digest (hex) of its bytes, and the report; path and digest are None for an estimate."""

    output: Optional[str]
    sha256: Optional[str]
    report: Mapping[str, Any]


@dataclass(frozen=True)
class FailedMessage:
    """Why there is no result; ``details`` is for those who repair it."""

    error: KDSegError
    details: str = field(repr=False, default="")


Message = Union[StartedMessage, EstimateMessage, DoubtMessage, ProgressMessage, LogMessage, DoneMessage, FailedMessage]

_NONE = type(None)
_FRACTION = (int, float)
_EVENTS: Mapping[str, Tuple[Type[Any], Mapping[str, Tuple[type, ...]]]] = {
    "started": (StartedMessage, {"protocol": (int,), "pid": (int,), "versions": (dict,)}),
    "estimate": (
        EstimateMessage,
        {"peak_bytes": (int,), "available_bytes": (int, _NONE), "tiles": (int,), "passes": (int,), "sentence": (str,)},
    ),
    "progress": (
        ProgressMessage,
        {"stage": (str,), "fraction": _FRACTION, "overall": _FRACTION, "seconds_left": (*_FRACTION, _NONE)},
    ),
    "doubt": (DoubtMessage, {"text": (str,)}),
    "log": (LogMessage, {"text": (str,)}),
    "done": (DoneMessage, {"output": (str, _NONE), "sha256": (str, _NONE), "report": (dict,)}),
    "failed": (FailedMessage, {"error": (dict,), "details": (str,)}),
}
_NAMES = {kind: name for name, (kind, _) in _EVENTS.items()}


def as_data(message: Message) -> Dict[str, Any]:
    """Return a message as the object of its line, with the key ``event``."""
    data: Dict[str, Any] = {"event": _NAMES[type(message)]}
    for name, value in vars(message).items():
        data[name] = error_as_data(value) if isinstance(value, KDSegError) else value
    return data


def encode(message: Message) -> bytes:
    """Return the line of a message, with its newline."""
    return json.dumps(as_data(message), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line.

    Raises
    ------
    WorkerError
        If it is not one of the messages above: not JSON, an unknown event, a key too few or too many, or a wrong type.
    """
    try:
        data = json.loads(line.decode("ascii"))
    except ValueError as error:
        raise _error(line, str(error)) from error
    event = data.pop("event", None) if isinstance(data, dict) else None
    if not isinstance(event, str) or event not in _EVENTS:
        raise _error(line, "no event that is known")
    kind, types = _EVENTS[event]
    if set(data) != set(types):
        raise _error(line, f"the keys {', '.join(sorted(data))}")
    wrong = [k for k, v in data.items() if not isinstance(v, types[k]) or isinstance(v, bool)]
    if wrong:
        raise _error(line, f"another type of {', '.join(wrong)}")
    if kind is FailedMessage:
        data["error"] = error_from_data(data["error"])
    message: Message = kind(**data)
    return message


def _error(line: bytes, found: str) -> WorkerError:
    text = line[:200].decode("utf-8", "replace").strip()
    return WorkerError("A line of the child process is not a message.", found=f"{found}, in: {text}")
