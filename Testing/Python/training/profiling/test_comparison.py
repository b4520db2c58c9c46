"""Ratios by round, points and their front, candidates for a choice, doubts and the card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kdseg.choosing import Budget, choose
from kdseg_training.profiling import MemorySource, RunLoad, SubjectKind, SubjectProfile
from kdseg_training.profiling.card import card
from kdseg_training.profiling.choice import candidates
from kdseg_training.profiling.doubts import doubts
from kdseg_training.profiling.points import chart_points, is_dominated, same_basis
from kdseg_training.profiling.ratios import ratios, reference_key

from .conftest import make_profile, make_subject


def changed(subject: SubjectProfile, **values: object) -> SubjectProfile:
    """Return a subject whose counted runs have other values."""
    measurement = subject.measurements[0]
    runs = tuple(run if run.warm_up else replace(run, **values) for run in measurement.runs)
    return replace(subject, measurements=(replace(measurement, runs=runs),))


def test_ratios_are_taken_within_rounds() -> None:
    teacher = make_subject("teacher", [10.0, 40.0, 10.0], kind=SubjectKind.NNUNET)
    student = make_subject("student", [1.0, 4.0, 1.0])  # the second round was disturbed, for both
    (ratio,) = ratios(make_profile(student, teacher))
    assert (ratio.key, ratio.reference, ratio.rounds) == ("student", "teacher", 3)
    assert ratio.speed.value == pytest.approx(10.0)
    assert ratio.latency_saved == pytest.approx(0.9)
    assert ratio.memory_saved == 0.0


def test_only_rounds_that_both_finished_are_compared() -> None:
    teacher = make_subject("teacher", [10.0], kind=SubjectKind.NNUNET)
    (ratio,) = ratios(make_profile(make_subject("student", [1.0, 100.0]), teacher))
    assert (ratio.rounds, ratio.speed.value) == (1, 10.0)


def test_without_a_teacher_the_slowest_is_the_reference() -> None:
    profile = make_profile(make_subject("quick", [1.0]), make_subject("slow", [5.0]))
    assert reference_key(profile) == "slow"
    assert [r.key for r in ratios(profile)] == ["quick"]
    assert [r.key for r in ratios(profile, "quick")] == ["slow"]
    assert ratios(make_profile(make_subject("alone", [1.0]))) == ()


def test_the_front_leaves_out_what_is_slower_and_no_better() -> None:
    good, quick = make_subject("good", [9.0], dice=0.95), make_subject("quick", [1.0], dice=0.8)
    bad, unknown = make_subject("bad", [9.5], dice=0.94), make_subject("unknown", [2.0], dice=None)
    points = chart_points(make_profile(good, quick, bad, unknown))
    assert [point.on_front for point in points] == [True, True, False, None]
    assert [point.seconds for point in points] == [9.0, 1.0, 9.5, 2.0]
    assert same_basis(points)


def test_equal_points_do_not_dominate_each_other() -> None:
    assert not is_dominated((1.0, 0.9), [(1.0, 0.9), (1.0, 0.9)])
    assert is_dominated((1.0, 0.9), [(1.0, 0.91)])
    assert is_dominated((1.0, 0.9), [(0.9, 0.9)])


def test_a_budget_chooses_from_what_was_measured() -> None:
    teacher = make_subject("teacher", [1.0], dice=0.99, kind=SubjectKind.NNUNET)
    found = candidates(make_profile(make_subject("half", [20.0], dice=0.95), make_subject("quarter", [5.0]), teacher))
    assert [c.name for c in found] == ["half", "quarter"]  # a teacher is never deployed
    assert choose(found, Budget(seconds=10)).chosen.name == "quarter"
    assert choose(found, Budget(seconds=30)).chosen.name == "half"
    assert choose(found, Budget(memory_bytes=1)).chosen is None


def test_a_busy_machine_is_told() -> None:
    quiet = make_subject("a", [1.0, 1.0, 1.01, 1.0, 1.0])
    assert doubts([quiet]) == ()
    assert "kept 0.60 CPUs busy" in doubts([changed(quiet, load=RunLoad(1.0, 0.6, 0.0))])[0]
    assert "hypervisor took 0.20" in doubts([changed(quiet, load=RunLoad(None, None, 0.2))])[0]
    assert "within 100% of the median" in doubts([make_subject("a", [1.0, 1.0, 2.0, 3.0, 3.0])])[0]
    assert "since the start" in doubts([changed(quiet, memory_source=MemorySource.MAXRSS)])[0]
    assert doubts([make_subject("a", [1.0])]) == ("Only 1 counted run: take the numbers as a first look.",)


def test_too_many_threads_are_told() -> None:
    quiet = make_subject("a", [1.0, 1.0, 1.0, 1.0, 1.0])
    many = replace(quiet, measurements=(replace(quiet.measurements[0], threads=4096),))
    assert doubts([many])[0].startswith("4096 threads were asked for, but only ")


def test_the_card_tells_what_was_found() -> None:
    teacher = make_subject("teacher", [20.0, 20.0], kind=SubjectKind.NNUNET, dice=None)
    student = make_subject("student 1.0", [5.0, 5.0], path=str(Path("students") / "renamed.kdseg.zip"))
    text = card(make_profile(student, teacher))
    for words in (
        "10 × 20 × 30 voxels (z, y, x), 1 × 1 × 2 mm (x, y, z), 1 channel",
        "2 threads: 8 GFLOP/s in a matrix product, 4 GB/s copying memory",
        "  file     renamed.kdseg.zip\n",
        "1.5 MB, 1,000 parameters, capacity ×1/4",
        "mean Dice 0.900 (40 cases)",
        "quality  unknown",
        "3 patches of 8 × 8 × 8, 2 mirrored passes each; 2 GFLOP per patch, 6 GFLOP per volume",
        "median 5 s, 2 runs of 5 to 5 s",
        "network 1.6 GFLOP/s, 20% of the machine's peak",
        "720 volumes per hour, 1,200 voxels per second",
        "student 1.0, 2 threads: 4× as fast (75.0% less time)",
        "Note: A doubt.",
    ):
        assert words in text, words
    assert "median 5 s, 1 run; ready" in card(make_profile(make_subject("once", [5.0])))
