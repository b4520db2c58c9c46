"""What the tab Profile says: whether a profile can start, what came of it, and which student fits a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from kdseg.choosing import Budget, Choice, choose
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import GIB, count_text, memory_text
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone
from KDSegmentatorTrainingLib.profile.results import ProfilePoint, ProfileResult


@dataclass(frozen=True)
class ProfileSituation:
    """What decides whether a profile can start.

    Attributes
    ----------
    installed, chosen
        Number of students.
    volume
        Name of the volume; empty for a synthetic one.
    channels
        Largest number of input channels of a chosen student.
    phase
        Whether a profile is on.
    """

    installed: int = 0
    chosen: int = 0
    volume: str = ""
    channels: int = 1
    phase: Phase = Phase.IDLE


def profile_readiness(situation: ProfileSituation) -> Readiness:
    """Decide what the button is called, whether it can be pressed, and why not."""
    if situation.phase is Phase.RUNNING:
        return Readiness(True, _("Cancel"), _("Leave the computer alone meanwhile: what else it does makes the times longer."))
    if situation.phase is Phase.STOPPING:
        return Readiness(False, _("Stopping…"), _("The profile is being stopped."))
    button = _("Profile")
    if not situation.installed:
        return Readiness(False, button, _("Add a student first, in the module KDSegmentator."))
    if not situation.chosen:
        return Readiness(False, button, _("Choose at least one student."))
    if situation.volume and situation.channels > 1:
        text = _("A chosen student needs {count} volumes; leave the volume out to use a synthetic one.")
        return Readiness(False, button, text.format(count=situation.channels), Tone.PROBLEM)
    return Readiness(True, button)


def outcome_text(result: ProfileResult) -> Tuple[str, Tone]:
    """Return what is said after a profile, with everything that makes its numbers doubtful."""
    students = count_text(len(result.points), _("1 student"), _("{count} students"))
    lines = [_("Measured: {students}.").format(students=students)]
    if result.kept:
        lines.append(_("“Choose for me” and the estimates of the module KDSegmentator use these times from now on."))
    lines.extend(result.warnings)
    return "\n".join(lines), Tone.WARNING if result.warnings else Tone.HINT


def titles() -> Tuple[str, ...]:
    """Return the titles of the list's columns."""
    return _("Student"), _("Time"), _("Memory"), _("Dice"), _("Parameters")


def row_texts(point: ProfilePoint) -> Tuple[str, ...]:
    """Return the cells of a student's row."""
    seconds = _seconds(point.seconds)
    if point.seconds_low is not None and point.seconds_high is not None:
        interval = _("{median} ({low} to {high})")
        seconds = interval.format(median=seconds, low=f"{point.seconds_low:.3g}", high=f"{point.seconds_high:.3g}")
    return (
        point.name,
        seconds,
        _("not known") if point.memory_bytes is None else memory_text(point.memory_bytes),
        _("not known") if point.dice is None else f"{point.dice:.3f}",
        _parameters(point.parameters),
    )


def chosen_text(result: ProfileResult, seconds: float, memory_gib: float, least_dice: float) -> Tuple[str, Tone, str]:
    """Return why which student fits the limits (0 for none), the tone, and its name; empty where none does."""
    choice = answer(result, seconds, memory_gib, least_dice)
    if choice is None:
        return "", Tone.HINT, ""
    lines = [choice.why, *choice.cautions]
    if choice.chosen is None:
        lines += [rejection.sentence() for rejection in choice.rejected]
    tone = Tone.WARNING if choice.chosen is None or choice.cautions else Tone.HINT
    return "\n".join(lines), tone, "" if choice.chosen is None else choice.chosen.name


def answer(result: ProfileResult, seconds: float, memory_gib: float, least_dice: float) -> Optional[Choice]:
    """Return the choice among the students of a profile; None without students."""
    if not result.points:
        return None
    budget = Budget(seconds or None, int(memory_gib * GIB) or None, least_dice or None)
    return choose([point.candidate() for point in result.points], budget)


def _parameters(count: int) -> str:
    return f"{count:,}" if count < 100_000 else _("{count} M").format(count=f"{count / 1e6:.3g}")


def _seconds(value: float) -> str:
    return _("{seconds} s").format(seconds=f"{value:.3g}" if value < 100 else f"{value:.0f}")
