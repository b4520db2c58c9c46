"""Bias and limits of agreement: published numbers, simulated coverage, and cases that have none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from kdseg_training.evaluation.agreement import Bounded, bland_altman

# Peak expiratory flow, large Wright meter against mini meter, l/min: Bland and Altman, Lancet 1986, table 1.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_the_numbers_of_bland_and_altman() -> None:
    found = bland_altman(WRIGHT, MINI)
    assert found.cases == 17
    assert found.bias_ml.value == pytest.approx(-2.1, abs=0.05)
    assert found.differences_ml.std(ddof=1) == pytest.approx(38.8, abs=0.05)
    # they give the bias as -22.0 to 17.8, with t = 2.12
    assert (found.bias_ml.low, found.bias_ml.high) == pytest.approx((-22.0, 17.8), abs=0.15)
    assert (found.lower_ml.value, found.upper_ml.value) == pytest.approx((-2.1 - 1.96 * 38.8, -2.1 + 1.96 * 38.8), abs=0.1)
    # their approximate intervals of the limits, -114.3 to -45.1 and 40.9 to 110.1 (with 2 s), are near the exact ones
    assert found.lower_ml.low < -105
    assert found.lower_ml.high == pytest.approx(-52, abs=8)
    assert found.means_ml[0] == 503
    assert not found.depends_on_size


def test_intervals_of_a_limit_hold_it_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(0)
    truth = 3.0 + 1.959964 * 2.0
    samples = rng.normal(3.0, 2.0, (2000, 8))
    reference = np.full(8, 50.0)
    inside = [b.low <= truth <= b.high for b in (bland_altman(reference + s, reference).upper_ml for s in samples)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_bias_and_trend_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    reference = rng.uniform(1, 5, 30)
    prediction = 1.1 * reference + rng.normal(0, 0.05, 30)
    found = bland_altman(prediction, reference)
    interval = stats.ttest_1samp(prediction - reference, 0.0).confidence_interval(0.95)
    assert (found.bias_ml.low, found.bias_ml.high) == pytest.approx((interval.low, interval.high))
    line = stats.linregress((prediction + reference) / 2, prediction - reference)
    step = stats.t.ppf(0.975, 28) * line.stderr
    trend = found.trend
    assert (trend.value, trend.low, trend.high) == pytest.approx((line.slope, line.slope - step, line.slope + step))
    assert found.depends_on_size


def test_equal_volumes_agree_without_any_width() -> None:
    found = bland_altman([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert found.bias_ml == found.lower_ml == found.upper_ml == found.trend == Bounded(0.0, 0.0, 0.0)


@pytest.mark.parametrize("cases", [1, 2])
def test_too_few_cases_have_a_bias_alone(cases) -> None:
    found = bland_altman([2.0] * cases, [1.0] * cases)
    assert found.bias_ml.value == 1.0
    assert all(math.isnan(v) for v in (found.bias_ml.low, found.lower_ml.value, found.upper_ml.high, found.trend.value))
    assert not found.depends_on_size


def test_structures_of_one_size_have_no_trend() -> None:
    assert math.isnan(bland_altman([2.0, 3.0, 1.0], [2.0, 1.0, 3.0]).trend.value)


@pytest.mark.parametrize("wrong", [([1.0], [1.0, 2.0]), ([], []), ([math.nan], [1.0]), ([1.0], [math.inf])])
def test_what_is_no_pair_of_volumes_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"expected|finite"):
        bland_altman(*wrong)
