"""What the child measured, as points: one for each student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from kdseg.choosing import Candidate, Figure
from kdseg.errors import WorkerError
from KDSegmentatorLib.i18n import _


@dataclass(frozen=True)
class ProfilePoint:
    """One student.

    Attributes
    ----------
    name
        Name and version.
    threads
        CPU threads.
    seconds, seconds_low, seconds_high
        Median duration of a run, and its 95 % interval; None where there are too few runs.
    memory_bytes
        Peak of resident memory; None where the system does not say.
    parameters
        Of the network.
    dice, dice_source
        Mean Dice of the bundle, and where it was measured; None and empty where it is unknown.
    on_front
        No other student is at least as good and at least as fast, and better in one; None where the quality is unknown.
    """

    name: str
    threads: int
    seconds: float
    seconds_low: Optional[float]
    seconds_high: Optional[float]
    memory_bytes: Optional[int]
    parameters: int
    dice: Optional[float]
    dice_source: str
    on_front: Optional[bool]

    def candidate(self) -> Candidate:
        """Return what the choice among students needs."""
        here = _("this profile")
        return Candidate(
            self.name,
            Figure(self.seconds, here),
            None if self.memory_bytes is None else Figure(self.memory_bytes, here),
            None if self.dice is None else Figure(self.dice, self.dice_source, self.dice_source),
            self.parameters,
        )


@dataclass(frozen=True)
class ProfileResult:
    """A profile.

    Attributes
    ----------
    points
        In the order of the students.
    card
        The profile as text.
    warnings
        What makes the numbers doubtful.
    kept
        Where a copy lies; empty for none.
    """

    points: Tuple[ProfilePoint, ...]
    card: str
    warnings: Tuple[str, ...] = ()
    kept: str = ""


def read_report(report: Mapping[str, Any], names: Optional[Mapping[str, str]] = None) -> ProfileResult:
    """Return the profile of a child's report.

    Parameters
    ----------
    report
        Of its last message.
    names
        What the card says instead of the paths of private files.

    Raises
    ------
    WorkerError
        If it is no such report.
    """
    try:
        return ProfileResult(
            tuple(_point(entry) for entry in report["points"]),
            _with_names(str(report["card"]), names or {}),
            tuple(str(text) for text in report["warnings"]),
            str(report.get("kept") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkerError(
            _("The result of the profile cannot be understood."),
            found=f"{type(error).__name__}: {error}",
            remedy=_("Install the extension again, so that all of its parts are of one version."),
        ) from error


def _with_names(card: str, names: Mapping[str, str]) -> str:
    for path, name in names.items():
        card = card.replace(path, name)
    return card


def _point(entry: Mapping[str, Any]) -> ProfilePoint:
    memory, front = entry["peak_rss_bytes"], entry["on_front"]
    return ProfilePoint(
        name=str(entry["key"]),
        threads=int(entry["threads"]),
        seconds=float(entry["seconds"]),
        seconds_low=_maybe(entry["seconds_low"]),
        seconds_high=_maybe(entry["seconds_high"]),
        memory_bytes=None if memory is None else int(memory),
        parameters=int(entry["parameters"]),
        dice=_maybe(entry["quality"]),
        dice_source=str(entry["quality_source"]),
        on_front=None if front is None else bool(front),
    )


def _maybe(value: Any) -> Optional[float]:
    return None if value is None else float(value)
