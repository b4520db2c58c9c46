"""Quantiles with intervals, against published values and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdseg_training.profiling.statistics import distribution, quantile, sample_quantile


def test_the_interval_of_a_median_of_ten_is_from_the_second_to_the_ninth() -> None:
    found = quantile([float(n) for n in range(1, 11)], 0.5)  # the tables of order statistics: 97.9 %
    assert (found.value, found.low, found.high) == (5.5, 2.0, 9.0)


@pytest.mark.parametrize(("n", "bounded"), [(5, False), (6, True)])
def test_a_median_has_an_interval_from_six_runs_on(n: int, bounded: bool) -> None:
    found = quantile([float(i) for i in range(n)], 0.5)  # 2 · 0.5⁵ = 6.25 %, 2 · 0.5⁶ = 3.1 %
    assert (found.low is not None, found.high is not None) == (bounded, bounded)


@pytest.mark.parametrize(("n", "bounded"), [(71, False), (72, True)])
def test_a_95_percent_quantile_has_an_upper_bound_from_72_runs_on(n: int, bounded: bool) -> None:
    found = quantile([float(i) for i in range(n)], 0.95)  # 0.95⁷¹ = 2.6 %, 0.95⁷² = 2.49 %
    assert (found.high is not None) is bounded
    assert found.low is not None


@pytest.mark.parametrize(("n", "share"), [(8, 0.5), (40, 0.5), (100, 0.95), (13, 0.25)])
def test_bounds_are_those_of_the_binomial_distribution(n: int, share: float) -> None:
    found = quantile([float(i) for i in range(1, n + 1)], share)
    low = max((i for i in range(1, n + 1) if stats.binom.cdf(i - 1, n, share) <= 0.025), default=None)
    high = min((j for j in range(1, n + 1) if stats.binom.sf(j - 1, n, share) <= 0.025), default=None)
    assert (found.low, found.high) == (low, high)


def test_the_interval_holds_the_median_in_95_of_100_skewed_samples() -> None:
    random = np.random.default_rng(7)
    median, hits = np.log(2), 0
    for _ in range(1000):
        found = quantile(sorted(random.exponential(size=15)), 0.5)
        hits += found.low <= median <= found.high
    assert 940 <= hits <= 1000


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.95, 1.0])
def test_the_value_is_numpys(share: float) -> None:
    ordered = sorted(np.random.default_rng(1).normal(size=17))
    assert sample_quantile(ordered, share) == pytest.approx(np.quantile(ordered, share), abs=1e-12)


def test_few_runs_have_no_95_percent_quantile_and_no_spread() -> None:
    few = distribution([3.0, 1.0, 2.0])
    assert (few.n, few.minimum, few.maximum, few.p50.value, few.p95, few.spread) == (3, 1.0, 3.0, 2.0, None, None)
    enough = distribution([float(n) for n in range(1, 21)])
    assert enough.p95 is not None
    assert enough.p95.value == pytest.approx(19.05)
    assert enough.spread == pytest.approx((15.25 - 5.75) / 10.5)


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        distribution([])
