"""Choose for me: what is known here of the students of one family, and which of them keeps to a budget.

What is known of a student comes from the first of these that has it, and its source is told with the number:

- time: earlier runs on this computer; a profile made on it; what the bundle's author states for another computer
- memory: the estimate for the volume; without a volume a profile, then what the bundle's author states
- quality: what the bundle states
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from kdseg.choosing import Budget, Candidate, Choice, Figure, choose
from kdseg.hardware import describe_hardware
from kdseg.limits import EngineName
from kdseg.student_facts import family_of, latency_figure, memory_figure, quality_figure
from KDSegmentatorLib.estimates import RunEstimate, engine_that_runs
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.profiles import ProfileBook, ProfiledStudent
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.students import InstalledStudent

EstimateOf = Callable[[InstalledStudent], Optional[RunEstimate]]
"""Estimates a run of a student with the volume that is to be segmented; None without a volume."""

_HERE = "this computer"


@dataclass(frozen=True)
class Conditions:
    """How a student would run: engine (never ``auto``), CPU threads, mirroring where it allows; and profiles to look into."""

    engine: EngineName
    threads: int
    mirroring: bool
    profiles: ProfileBook

    def profiled(self, student: InstalledStudent) -> Optional[ProfiledStudent]:
        """Return what the newest profile says of a student that ran like this."""
        from kdseg.inference.passes import Passes

        passes = Passes(student.mirroring_axes, student.side_exchange).count if self.mirroring else 1
        return self.profiles.find(student.sha256, self.engine, self.threads, passes)


@dataclass(frozen=True)
class FamilyMember:
    """An installed student and what is known of it here."""

    student: InstalledStudent
    candidate: Candidate


@dataclass(frozen=True)
class StudentChoice:
    """The answer.

    Attributes
    ----------
    student
        The one to use; None for none.
    choice
        Why, and what is wrong with the others.
    members
        The whole family with what is known of each.
    """

    student: Optional[InstalledStudent]
    choice: Choice
    members: Tuple[FamilyMember, ...]


def conditions_of(settings: RunSettings) -> Conditions:
    """Return the conditions of a run."""
    options = settings.options
    return Conditions(
        engine_that_runs(options.engine), settings.limits.threads, options.mirroring, settings.profiles or ProfileBook()
    )


def family_members(student: InstalledStudent, students: Sequence[InstalledStudent]) -> Tuple[InstalledStudent, ...]:
    """Return the students of one family with ``student``, itself included: of each name the newest version.

    Parameters
    ----------
    student
        One of the family.
    students
        All that are installed, the newest version of each name first, as :meth:`StudentLibrary.students` gives them.
    """
    newest: List[InstalledStudent] = []
    for index in family_of(student.document, [s.document for s in students]):
        if students[index].name not in [s.name for s in newest]:
            newest.append(students[index])
    return tuple(newest)


def known_of(students: Sequence[InstalledStudent], estimate_of: EstimateOf, conditions: Conditions) -> Tuple[FamilyMember, ...]:
    """Collect what is known here of each student."""
    cpu_model = describe_hardware().cpu_model
    return tuple(FamilyMember(s, _candidate(s, estimate_of(s), conditions, cpu_model)) for s in students)


def choose_member(members: Sequence[FamilyMember], budget: Budget) -> StudentChoice:
    """Name the student to use."""
    choice = choose([member.candidate for member in members], budget)
    student = next((member.student for member in members if member.candidate is choice.chosen), None)
    return StudentChoice(student, choice, tuple(members))


def _candidate(
    student: InstalledStudent, estimate: Optional[RunEstimate], conditions: Conditions, cpu_model: Optional[str]
) -> Candidate:
    if estimate is None:
        seconds, memory = _of_profile(conditions.profiled(student))
        memory = memory or memory_figure(student.document, cpu_model)
    else:
        seconds, memory = _of_estimate(estimate)
    return Candidate(
        name=f"{student.name} {student.version}",
        seconds=seconds or latency_figure(student.document, cpu_model),
        memory_bytes=memory,
        quality=quality_figure(student.document),
        parameters=student.document["parameters"],
    )


def _of_estimate(estimate: RunEstimate) -> Tuple[Optional[Figure], Figure]:
    memory = Figure(estimate.peak_bytes, _("estimated for this volume"), _HERE)
    if estimate.seconds is None:
        return None, memory
    return Figure(estimate.seconds, estimate.seconds_source, _HERE), memory


def _of_profile(profiled: Optional[ProfiledStudent]) -> Tuple[Optional[Figure], Optional[Figure]]:
    if profiled is None:
        return None, None
    shape = " × ".join(str(n) for n in profiled.shape_zyx)
    source = _("for a volume of {shape} voxels, from a profile made on this computer on {date}").format(
        shape=shape, date=profiled.date
    )
    return Figure(profiled.case_seconds, source, shape), Figure(profiled.peak_bytes, source, shape)
