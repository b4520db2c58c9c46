"""The signed-rank test against SciPy where SciPy is exact, and against all sign patterns where it is not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from kdseg_training.metrics.wilcoxon import EXACT_PAIRS, holm, paired_wilcoxon


def _test(differences):
    differences = np.asarray(differences, float)
    return paired_wilcoxon(np.zeros(len(differences)), differences)


def test_without_ties_it_is_the_classical_exact_test() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 4, 9, 25, 50):
        differences = rng.normal(0.3, 1.0, n)
        assert _test(differences).p_value == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


@pytest.mark.parametrize("seed", range(8))
def test_with_ties_and_zeros_it_counts_all_sign_patterns(seed) -> None:
    differences = np.random.default_rng(seed).integers(-3, 5, 9).astype(float)
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    observed = abs((np.sign(differences[differences != 0]) * ranks).sum())
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=len(ranks))]
    assert _test(differences).p_value == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))


def test_many_pairs_use_the_normal_distribution_with_pratts_zeros() -> None:
    differences = np.random.default_rng(2).integers(-4, 6, EXACT_PAIRS * 2).astype(float)
    expected = stats.wilcoxon(differences, zero_method="pratt", method="asymptotic", correction=False).pvalue
    assert _test(differences).p_value == pytest.approx(expected, rel=1e-6)


def test_exact_and_normal_meet() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.1, 1.0, EXACT_PAIRS)
    more = np.append(differences, 1e-9)
    assert _test(differences).p_value == pytest.approx(_test(more).p_value, rel=0.05)


def test_nothing_differs() -> None:
    result = paired_wilcoxon(np.array([1.0, math.inf]), np.array([1.0, math.inf]))
    assert (result.pairs, result.differing, result.p_value, result.rank_biserial) == (2, 0, 1.0, 0.0)
    assert result.hodges_lehmann == 0.0


def test_all_better_by_hand() -> None:
    """Five gains: two of 32 sign patterns are as extreme. The pairwise means of 1 … 5 have the median 3."""
    result = _test([1, 2, 3, 4, 5])
    assert result.p_value == pytest.approx(2 / 32)
    assert (result.rank_biserial, result.hodges_lehmann) == (1.0, 3.0)


def test_an_infinite_distance_is_worse_than_any_other() -> None:
    """Missed by the candidate only, by both, and by the baseline only: ranks 3½ for both infinities, 1 for the tie."""
    baseline, candidate = np.array([1.0, math.inf, math.inf, 2.0]), np.array([math.inf, math.inf, 3.0, 9.0])
    result = paired_wilcoxon(baseline, candidate)
    assert (result.pairs, result.differing) == (4, 3)
    assert result.rank_biserial == pytest.approx((3.5 + 2 - 3.5) / (3.5 + 2 + 3.5))
    assert result.hodges_lehmann == 3.5  # finite differences 0 and 7, whose pairwise means are 0, 3.5, 7


def test_missing_pairs_are_left_out() -> None:
    result = paired_wilcoxon(np.array([1.0, math.nan, 3.0]), np.array([2.0, 5.0, math.nan]))
    assert (result.pairs, result.hodges_lehmann) == (1, 1.0)


@pytest.mark.parametrize("pair", [(np.ones(2), np.ones(3)), (np.ones((2, 2)), np.ones((2, 2))), (np.array([math.nan]),) * 2])
def test_what_cannot_be_compared_is_refused(pair) -> None:
    with pytest.raises(ValueError, match=r"one length|no case"):
        paired_wilcoxon(*pair)


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03 times 3, 2, 1 are 0.03, 0.04, 0.03; a later one is never below an earlier one."""
    assert holm([0.03, 0.01, 0.02]) == pytest.approx((0.04, 0.03, 0.04))
    assert holm([0.9, 0.6]) == pytest.approx((1.0, 1.0))
    corrected = holm([0.02, math.nan, 0.03])
    assert corrected[0] == pytest.approx(0.04)
    assert math.isnan(corrected[1])
    assert corrected[2] == pytest.approx(0.04)
