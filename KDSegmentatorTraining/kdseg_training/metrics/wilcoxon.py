"""Wilcoxon's signed-rank test with Pratt's zeros, exact where it can be, and Holm's correction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.ranking import mean_ranks

Values = npt.NDArray[np.float64]

EXACT_PAIRS = 200
"""Up to this number of differing pairs the exact distribution is used, above it the normal one."""


@dataclass(frozen=True)
class PairedTest:
    """A paired comparison of one metric on the same cases.

    Attributes
    ----------
    pairs
        Pairs with both values.
    differing
        Pairs whose values differ.
    p_value
        Two-sided; 1 when nothing differs.
    hodges_lehmann
        Median of the pairwise means of the finite differences candidate − baseline, an estimate of the shift; NaN when no
        difference is finite. Hodges and Lehmann 1963, doi:10.1214/aoms/1177704172.
    rank_biserial
        (positive − negative rank sum) / their sum, −1 to 1; 0 when nothing differs.
    """

    pairs: int
    differing: int
    p_value: float
    hodges_lehmann: float
    rank_biserial: float


def paired_wilcoxon(baseline: Values, candidate: Values) -> PairedTest:
    """Test whether the differences ``candidate − baseline`` are symmetric about 0.

    Zero differences are ranked and then dropped: Pratt 1959, doi:10.1080/01621459.1959.10501526. Ties get mean ranks. The
    distribution is that of random signs on the ranks at hand, so it stays exact with ties and zeros.

    Parameters
    ----------
    baseline, candidate
        Values of the same cases, shape (case,). Pairs with a NaN are left out. An infinite distance is worse than every finite
        one; two infinite ones are a tie.

    Raises
    ------
    ValueError
        If the shapes differ or no pair is left.
    """
    if baseline.shape != candidate.shape or baseline.ndim != 1:
        raise ValueError(f"expected two lists of one length, found shapes {baseline.shape} and {candidate.shape}")
    known = ~(np.isnan(baseline) | np.isnan(candidate))
    differences = _differences(baseline[known], candidate[known])
    if not len(differences):
        raise ValueError("no case has both values")
    ranks = mean_ranks(np.abs(differences))
    differs = differences != 0
    signs = np.sign(differences[differs])
    signed_sum = float((signs * ranks[differs]).sum())
    rank_sum = float(ranks[differs].sum())
    return PairedTest(
        pairs=len(differences),
        differing=int(differs.sum()),
        p_value=_two_sided_p(ranks[differs], signed_sum),
        hodges_lehmann=_hodges_lehmann(differences[np.isfinite(differences)]),
        rank_biserial=signed_sum / rank_sum if rank_sum else 0.0,
    )


def holm(p_values: Sequence[float]) -> Tuple[float, ...]:
    """Return p-values corrected for their number by Holm's step-down procedure (Holm 1979, Scand. J. Statist. 6:65–70).

    NaN stays NaN and is not counted.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    adjusted = np.full(p.shape, np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return tuple(adjusted.tolist())


def _differences(baseline: Values, candidate: Values) -> Values:
    """Return candidate − baseline, where equal values, infinite ones too, differ by 0."""
    differences = np.zeros(len(baseline))
    np.subtract(candidate, baseline, out=differences, where=candidate != baseline)
    return differences


def _two_sided_p(ranks: Values, signed_sum: float) -> float:
    """Return the probability of a rank sum at least as far from 0 when every sign is a fair coin."""
    if not len(ranks):
        return 1.0
    if len(ranks) > EXACT_PAIRS:
        return math.erfc(abs(signed_sum) / math.sqrt(2.0 * float((ranks**2).sum())))
    doubled = np.rint(2.0 * ranks).astype(np.int64)  # mean ranks are multiples of 1/2
    total = int(doubled.sum())
    probabilities = np.zeros(total + 1)  # of the doubled sum of the positive ranks
    probabilities[0] = 1.0
    for rank in doubled.tolist():
        shifted = np.zeros_like(probabilities)
        shifted[rank:] = probabilities[:-rank]
        probabilities = 0.5 * (probabilities + shifted)
    distance = np.abs(2 * np.arange(total + 1) - total)
    return min(1.0, float(probabilities[distance >= round(2.0 * abs(signed_sum))].sum()))


def _hodges_lehmann(differences: Values) -> float:
    if not len(differences):
        return math.nan
    rows, columns = np.triu_indices(len(differences))
    return float(np.median((differences[rows] + differences[columns]) / 2.0))
