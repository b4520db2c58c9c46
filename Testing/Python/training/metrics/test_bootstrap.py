"""Bootstrap intervals: by hand on tiny samples, and against theory on large ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kdseg_training.metrics import Interval, bootstrap_differences, bootstrap_means, bootstrap_ratio

NAN = math.nan


def test_a_constant_has_an_interval_without_width() -> None:
    result = bootstrap_means(np.full((5, 2), 0.75), resamples=200)
    assert result.macro == Interval(0.75, 0.75, 0.75, 0.95, 5)
    assert result.classes == (result.macro, result.macro)


def test_two_cases_can_be_drawn_in_three_ways() -> None:
    """The mean of a resample of {0, 1} is 0, ½ or 1 with probability ¼, ½, ¼: below half the level an interval holds ½ only."""
    values = np.array([[0.0], [1.0]])
    wide, narrow = (bootstrap_means(values, level=level).macro for level in (0.6, 0.4))
    assert (wide.low, wide.estimate, wide.high) == (0.0, 0.5, 1.0)
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_the_width_is_that_of_the_normal_theory() -> None:
    values = np.random.default_rng(1).normal(10.0, 2.0, (400, 1))
    interval = bootstrap_means(values).macro
    half_width = 1.96 * values.std() / math.sqrt(400)
    assert interval.estimate == pytest.approx(values.mean())
    assert (interval.high - interval.low) / 2 == pytest.approx(half_width, rel=0.05)
    assert interval.contains(float(values.mean()))
    assert not interval.contains(float(values.mean()) + 2 * half_width)


def test_whole_cases_are_drawn() -> None:
    """Ten copies of a class tell no more than one: the macro interval must not shrink."""
    one = np.random.default_rng(2).normal(size=(30, 1))
    ten = bootstrap_means(np.repeat(one, 10, axis=1))
    single = bootstrap_means(one)
    assert (ten.macro.low, ten.macro.high) == pytest.approx((single.macro.low, single.macro.high))


def test_independent_classes_shrink_the_macro_interval() -> None:
    values = np.random.default_rng(3).normal(size=(100, 16))
    result = bootstrap_means(values)
    widths = [interval.high - interval.low for interval in result.classes]
    assert (result.macro.high - result.macro.low) / np.mean(widths) == pytest.approx(1 / 4, rel=0.2)


def test_missing_cells_are_left_out_and_classes_count_alike() -> None:
    values = np.array([[1.0, NAN], [0.0, 0.5], [0.5, NAN]])
    result = bootstrap_means(values, resamples=2000)
    assert [(c.estimate, c.cases) for c in result.classes] == [(0.5, 3), (0.5, 1)]
    assert (result.classes[1].low, result.classes[1].high) == (0.5, 0.5)
    assert result.macro.estimate == 0.5
    assert result.macro.cases == 3


def test_a_paired_difference_is_far_narrower_than_two_intervals() -> None:
    rng = np.random.default_rng(4)
    difficulty = rng.normal(0.8, 0.1, (60, 3))
    baseline, candidate = difficulty, difficulty + 0.01 + rng.normal(0, 0.002, difficulty.shape)
    difference = bootstrap_differences(baseline, candidate).macro
    assert 0.009 < difference.low < difference.estimate < difference.high < 0.011
    assert difference.estimate == pytest.approx((candidate - baseline).mean())


def test_a_difference_counts_where_both_have_a_value() -> None:
    baseline, candidate = np.array([[1.0], [2.0], [NAN]]), np.array([[1.5], [NAN], [9.0]])
    result = bootstrap_differences(baseline, candidate, resamples=100)
    assert result.macro == Interval(0.5, 0.5, 0.5, 0.95, 1)


def test_the_ratio_of_means() -> None:
    teacher = np.array([[0.8, 0.9], [0.6, NAN], [0.7, 0.5]])
    half = bootstrap_ratio(teacher / 2, teacher)
    assert (half.low, half.estimate, half.high) == pytest.approx((0.5, 0.5, 0.5))
    values = np.array([[3.0], [1.0]])
    assert bootstrap_ratio(values, np.array([[1.0], [1.0]])).estimate == 2.0


def test_the_seed_decides() -> None:
    values = np.random.default_rng(5).normal(size=(20, 2))
    assert bootstrap_means(values, seed=7) == bootstrap_means(values, seed=7)
    assert bootstrap_means(values, seed=7) != bootstrap_means(values, seed=8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3), "matrix"),
        (np.zeros((0, 2)), "matrix"),
        (np.array([[1.0], [math.inf]]), "infinite"),
        (np.array([[1.0, NAN], [1.0, NAN]]), "no value"),
    ],
)
def test_what_has_no_mean_is_refused(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_means(values)


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_parameters_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"expected|level"):
        bootstrap_means(np.ones((2, 1)), **wrong)


@pytest.mark.parametrize("function", [bootstrap_differences, bootstrap_ratio])
def test_pairs_need_one_shape(function) -> None:
    with pytest.raises(ValueError, match="one shape"):
        function(np.ones((2, 1)), np.ones((3, 1)))
