"""Quantiles of a few measurements, with intervals that assume nothing about their distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Sequence

CONFIDENCE = 0.95
"""Confidence of the intervals."""


@dataclass(frozen=True)
class Quantile:
    """A quantile of a sample and a two-sided 95 % interval for that of the population.

    Attributes
    ----------
    value
        Of the sample, by linear interpolation between neighbours.
    low, high
        Two members of the sample between which the quantile lies with at least :data:`CONFIDENCE`; None where the sample is
        too small for a bound on that side.
    """

    value: float
    low: Optional[float]
    high: Optional[float]


@dataclass(frozen=True)
class Distribution:
    """What is known of a quantity that was measured several times.

    Attributes
    ----------
    n
        Number of measurements.
    minimum, maximum
        The extremes.
    p50
        The median.
    p95
        The 95 % quantile; None for fewer than 20 measurements, of which no one lies above it on average.
    spread
        Distance of the quartiles over the median, by which a disturbed measurement is known; None for fewer than 4.
    """

    n: int
    minimum: float
    maximum: float
    p50: Quantile
    p95: Optional[Quantile]
    spread: Optional[float]


def distribution(values: Sequence[float]) -> Distribution:
    """Describe measurements.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not values:
        raise ValueError("values: expected at least one measurement")
    ordered = sorted(float(v) for v in values)
    n = len(ordered)
    middle = sample_quantile(ordered, 0.5)
    quartiles = sample_quantile(ordered, 0.75) - sample_quantile(ordered, 0.25)
    return Distribution(
        n=n,
        minimum=ordered[0],
        maximum=ordered[-1],
        p50=quantile(ordered, 0.5),
        p95=quantile(ordered, 0.95) if n >= 20 else None,
        spread=quartiles / middle if n >= 4 and middle > 0 else None,
    )


def sample_quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile of a sorted sample by linear interpolation, as ``numpy.quantile`` does."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def quantile(ordered: Sequence[float], share: float, confidence: float = CONFIDENCE) -> Quantile:
    """Return a quantile with its interval from the order statistics.

    The number of measurements below the population's quantile is binomial (n, share), whatever their distribution. ``low`` is
    the largest member x₍ᵢ₎ with P(fewer than i below) ≤ (1 − confidence) / 2, ``high`` the smallest x₍ⱼ₎ with
    P(at least j below) ≤ (1 − confidence) / 2. David & Nagaraja, Order Statistics, 3rd ed., section 7.1.

    Parameters
    ----------
    ordered
        The sample, ascending.
    share
        0.5 for the median.
    confidence
        Of the two-sided interval.
    """
    n, tail = len(ordered), (1 - confidence) / 2
    below = _cumulative(n, share)
    low = [i for i in range(1, n + 1) if below[i - 1] <= tail]
    high = [j for j in range(1, n + 1) if 1 - below[j - 1] <= tail]
    return Quantile(
        sample_quantile(ordered, share),
        ordered[low[-1] - 1] if low else None,
        ordered[high[0] - 1] if high else None,
    )


def _cumulative(n: int, share: float) -> Sequence[float]:
    """Return P(X ≤ k) for k = 0 … n of a binomial variable."""
    terms = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    return [math.fsum(terms[: k + 1]) for k in range(n + 1)]
