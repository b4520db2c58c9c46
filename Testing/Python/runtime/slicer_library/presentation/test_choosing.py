"""Choose for me in words: the limits that are asked, and the table with the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Optional

import pytest

from kdseg.choosing import Budget, Candidate, Figure, choose
from KDSegmentatorLib.presentation.choosing import Asked, choice_view
from KDSegmentatorLib.presentation.readiness import Tone

GIB = 1024**3


def member(name: str, seconds: Optional[float], dice: Optional[float] = 0.9, gib: float = 1.0) -> Any:
    """A member of a family, as :mod:`KDSegmentatorLib.choosing` gives it."""
    student = SimpleNamespace(name=name, version="1.0.0", identifier=f"{name}-1.0.0")
    candidate = Candidate(
        f"{name} 1.0.0",
        None if seconds is None else Figure(seconds, "from earlier runs on this computer"),
        Figure(gib * GIB, "estimated for this volume"),
        None if dice is None else Figure(dice, "40 cases"),
    )
    return SimpleNamespace(student=student, candidate=candidate)


def view(budget: Budget, *members: Any) -> Any:
    choice = choose([m.candidate for m in members], budget)
    student = next((m.student for m in members if m.candidate is choice.chosen), None)
    return choice_view(SimpleNamespace(student=student, choice=choice, members=members))


@pytest.mark.parametrize(
    ("asked", "ceiling", "memory"),
    [
        (Asked(), None, None),
        (Asked(), 3 * GIB, 3 * GIB),
        (Asked(memory_gib=2.0), None, 2 * GIB),
        (Asked(memory_gib=2.0), 3 * GIB, 2 * GIB),
        (Asked(memory_gib=4.0), 3 * GIB, 3 * GIB),  # what is asked never raises the ceiling of a run
    ],
)
def test_memory_is_the_less_of_what_is_asked_and_allowed(asked: Asked, ceiling: Optional[int], memory: Optional[int]) -> None:
    assert asked.limits(ceiling) == {"seconds": None, "memoryBytes": memory, "leastQuality": None}


def test_what_is_asked_of_time_and_quality() -> None:
    assert Asked(60, 0.0, 0.85).limits(None) == {"seconds": 60, "memoryBytes": None, "leastQuality": 0.85}


def test_the_table_tells_each_number_and_what_became_of_the_student() -> None:
    shown = view(Budget(seconds=60, memory_bytes=4 * GIB), member("a", 65.0), member("b", 18.0), member("c", 5.0, 0.8))
    assert [row.cells() for row in shown.rows] == [
        ("a 1.0.0", "65 s", "1.0 GiB", "0.900", "too slow"),
        ("b 1.0.0", "18 s", "1.0 GiB", "0.900", "chosen"),
        ("c 1.0.0", "5 s", "1.0 GiB", "0.800", "fits"),
    ]
    assert [(row.chosen, row.fits) for row in shown.rows] == [(False, False), (True, True), (False, True)]
    assert (shown.key, shown.button, shown.tone) == ("b-1.0.0", "&Use b 1.0.0", Tone.HINT)
    assert shown.rows[1].tip == (
        "18 s (from earlier runs on this computer)\n1.00 GiB of memory (estimated for this volume)\nDice 0.900 (40 cases)"
    )


@pytest.mark.parametrize(
    ("budget", "student", "verdict"),
    [
        (Budget(seconds=1), member("a", None), "time not known"),
        (Budget(least_quality=0.5), member("a", 1.0, None), "quality not known"),
        (Budget(least_quality=0.95), member("a", 1.0), "not good enough"),
        (Budget(memory_bytes=GIB // 2), member("a", 1.0), "too much memory"),
    ],
)
def test_the_verdict_is_the_first_reason(budget: Budget, student: Any, verdict: str) -> None:
    shown = view(budget, student)
    assert shown.rows[0].verdict == verdict
    assert (shown.key, shown.button, shown.tone) == ("", "&Use", Tone.WARNING)
    assert shown.sentence.startswith("No student keeps to")


def test_what_is_not_known_is_called_so() -> None:
    row = view(Budget(), member("a", None, None)).rows[0]
    assert row.cells() == ("a 1.0.0", "not known", "1.0 GiB", "not known", "chosen")


def test_what_weakens_the_answer_is_a_warning_below_it() -> None:
    shown = view(Budget(seconds=60), member("a", 1.0), member("b", None))
    assert shown.tone is Tone.WARNING
    assert shown.sentence.splitlines()[1] == "Left out, because a number that is limited is not known: b 1.0.0."
    assert shown.key == "a-1.0.0"
