"""Choose for me: every rule by hand, and nothing guessed."""

from __future__ import annotations

import itertools
from typing import Optional

import pytest

from kdseg.choosing import Budget, Candidate, Figure, Quantity, choose

GIB = 1024**3


def student(
    name: str,
    seconds: Optional[float] = None,
    gib: Optional[float] = None,
    dice: Optional[float] = None,
    parameters: Optional[int] = None,
) -> Candidate:
    return Candidate(
        name,
        None if seconds is None else Figure(seconds, "runs here"),
        None if gib is None else Figure(gib * GIB, "estimated"),
        None if dice is None else Figure(dice, "40 cases"),
        parameters,
    )


WHOLE = student("x1", 120, 6, 0.90, 102_000_000)
HALF = student("x1/2", 40, 3, 0.89, 26_000_000)
QUARTER = student("x1/4", 12, 2, 0.87, 6_000_000)
FAMILY = (WHOLE, HALF, QUARTER)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget(), WHOLE),  # nothing is asked: the best
        (Budget(seconds=60), HALF),  # the best that is fast enough
        (Budget(seconds=40), HALF),  # limits are inclusive
        (Budget(seconds=39.9), QUARTER),
        (Budget(memory_bytes=2 * GIB), QUARTER),
        (Budget(least_quality=0.88), HALF),  # good enough, then the fastest
        (Budget(least_quality=0.87), QUARTER),
        (Budget(least_quality=0.5, memory_bytes=4 * GIB), QUARTER),
        (Budget(seconds=130, least_quality=0.88), WHOLE),  # time has a limit of its own: the best within it
        (Budget(seconds=60, memory_bytes=4 * GIB, least_quality=0.88), HALF),
    ],
)
def test_the_student_for_a_budget(budget: Budget, expected: Candidate) -> None:
    for order in itertools.permutations(FAMILY):
        answer = choose(order, budget)
        assert answer.chosen is expected
        assert answer.fitting[0] is expected
        assert set(answer.fitting) | {r.candidate for r in answer.rejected} == set(FAMILY)
        assert answer.why.startswith(("Of ", expected.name))
        assert expected.name in answer.why
        assert not answer.cautions


def test_why_tells_every_number_with_its_source() -> None:
    why = choose(FAMILY, Budget(seconds=60)).why
    assert why == (
        "Of 2 students that keep to at most 60 s, x1/2 has the best quality. "
        "Known of it: 40 s (runs here); 3.00 GiB of memory (estimated); Dice 0.890 (40 cases)."
    )


def test_each_rejection_tells_all_its_reasons() -> None:
    rejected = choose(FAMILY, Budget(seconds=60, memory_bytes=int(2.5 * GIB))).rejected
    assert [r.sentence() for r in rejected] == [
        "x1: 120 s (runs here), longer than 60 s; 6.00 GiB of memory (estimated), more than 2.50 GiB of memory.",
        "x1/2: 3.00 GiB of memory (estimated), more than 2.50 GiB of memory.",
    ]


def test_where_none_fits_the_nearest_is_named() -> None:
    answer = choose(FAMILY, Budget(seconds=10))
    assert answer.chosen is None
    assert answer.nearest is QUARTER  # 20 % over, the others 300 % and 1100 %
    assert answer.why == "No student keeps to at most 10 s. Nearest comes x1/4: 12 s (runs here), longer than 10 s."
    # the worst miss counts: 3 % of quality against 20 % of time
    assert choose(FAMILY, Budget(seconds=10, least_quality=0.9)).nearest is QUARTER
    assert choose((WHOLE, QUARTER), Budget(seconds=100, least_quality=0.99)).nearest is QUARTER  # 12 % against 20 %


def test_an_unknown_number_is_never_taken_for_a_small_one() -> None:
    unknown = student("new", None, 1, 0.95)
    answer = choose((unknown, QUARTER), Budget(seconds=60))
    assert answer.chosen is QUARTER
    (rejection,) = answer.rejected
    assert rejection.unknown
    assert rejection.sentence() == "new: its time is not known (limit 60 s)."
    assert answer.cautions == ("Left out, because a number that is limited is not known: new.",)


def test_an_unknown_number_that_is_not_limited_is_no_reason() -> None:
    assert choose((student("new", None, 1, 0.95), QUARTER), Budget(memory_bytes=2 * GIB)).chosen.name == "new"


def test_a_student_without_quality_is_behind_those_with_one_and_told() -> None:
    answer = choose((student("new", 1, 1), QUARTER), Budget(seconds=60))
    assert answer.chosen is QUARTER
    assert answer.cautions == ("Not compared, because the quality is not known: new.",)


def test_nothing_is_chosen_where_nothing_known_decides() -> None:
    answer = choose((student("a", 1, 1), student("b", 2, 1)), Budget(seconds=60))
    assert answer.chosen is None
    assert len(answer.fitting) == 2
    assert answer.why == (
        "2 students keep to the limits, but the quality of none of them is known: nothing known decides between them."
    )
    answer = choose((student("a", None, 1, 0.9), student("b", None, 1, 0.8)), Budget(least_quality=0.7))
    assert answer.chosen is None
    assert "the time of none of them is known" in answer.why


def test_a_single_one_that_fits_is_chosen_and_its_unknown_quality_is_told() -> None:
    answer = choose((student("a", 1, 1), student("b", 100, 1)), Budget(seconds=60))
    assert answer.chosen.name == "a"
    assert answer.cautions == ("Its quality is not known.",)


def test_all_unknown_is_told_as_such() -> None:
    answer = choose((student("a"), student("b")), Budget(seconds=60))
    assert (answer.chosen, answer.nearest) == (None, None)
    assert answer.why == "No student keeps to at most 60 s. For each of them a number that is limited is not known."


def test_ties_go_to_the_faster_then_to_less_memory_then_to_fewer_parameters() -> None:
    slow, fast = student("slow", 9, 1, 0.9), student("fast", 8, 2, 0.9)
    answer = choose((slow, fast), Budget())
    assert answer.chosen is fast
    assert "as has slow; of equals the one that is faster comes first" in answer.why
    best, good = student("best", 8, 1, 0.9), student("good", 8, 1, 0.8)
    assert (
        "as is good; of equals the one with the better quality comes first"
        in choose((good, best), Budget(least_quality=0.5)).why
    )
    lean, rich = student("lean", 8, 1, 0.9, 9), student("rich", 8, 2, 0.9, 1)
    assert choose((rich, lean), Budget()).chosen is lean
    few, many = student("few", 8, 1, 0.9, 1), student("many", 8, 1, 0.9, 9)
    assert choose((many, few), Budget()).chosen is few


def test_figures_of_different_bases_are_compared_with_a_warning() -> None:
    here = Candidate("here", Figure(10, "", "this computer"), quality=Figure(0.8, "", "set 1"))
    there = Candidate("there", Figure(5, "", "a laptop"), quality=Figure(0.9, "", "set 1"))
    assert choose((here, there), Budget(seconds=20)).cautions == (
        "The time of the students was not measured on the same thing: compare with care.",
    )
    assert choose((here, there), Budget()).cautions == ()  # the time is not asked
    other = Candidate("other", quality=Figure(0.9, "", "set 2"))
    assert "quality" in choose((here, other), Budget()).cautions[0]


def test_nobody_to_choose_from() -> None:
    assert choose((), Budget(seconds=1)).why == "There is no student to choose from."


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory_bytes": -1}, {"least_quality": 1.01}, {"seconds": float("nan")}])
def test_impossible_budgets_are_refused(limits: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        Budget(**limits)


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan")])
def test_impossible_figures_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Figure(value)


def test_names_must_differ() -> None:
    with pytest.raises(ValueError, match="names"):
        choose((HALF, HALF), Budget())


def test_each_quantity_has_its_figure() -> None:
    assert [HALF.figure(q).value for q in Quantity] == [40, 3 * GIB, 0.89]
