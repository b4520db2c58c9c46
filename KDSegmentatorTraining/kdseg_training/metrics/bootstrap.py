"""Bootstrap by case: intervals of class means and of their macro mean, for one model or for a paired difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

DEFAULT_RESAMPLES = 10_000
"""Resamples of the bootstrap; the ends of a 95 % interval then rest on 250 resamples each."""

SMALLEST_TRUSTED_CASES = 50
"""The percentile interval of a mean is known to be too narrow below this number of cases."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its bootstrap percentile interval.

    Attributes
    ----------
    estimate
        The value on the cases themselves.
    low, high
        Ends of the interval.
    level
        Its nominal coverage, for example 0.95.
    cases
        Cases with a value; below :data:`SMALLEST_TRUSTED_CASES` the interval is rather too narrow.
    """

    estimate: float
    low: float
    high: float
    level: float
    cases: int

    def contains(self, value: float) -> bool:
        """Tell whether ``value`` lies in the closed interval."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class BootstrapResult:
    """Intervals of a (case, class) matrix.

    Attributes
    ----------
    classes
        One interval of the mean over cases for each class.
    macro
        The interval of the mean of the class means, every class counted alike.
    """

    classes: Tuple[Interval, ...]
    macro: Interval


def bootstrap_means(
    values: Matrix, *, resamples: int = DEFAULT_RESAMPLES, level: float = 0.95, seed: int = 0
) -> BootstrapResult:
    """Return bootstrap percentile intervals of the class means and of the macro mean.

    Whole cases are drawn, so the correlation of the classes within a case is kept: Efron 1979, doi:10.1214/aos/1176344552.

    Parameters
    ----------
    values
        Shape (case, class). NaN marks a cell without a value and is left out of its class mean; infinite values are refused,
        as they have no mean: apply a policy first (:mod:`kdseg_training.metrics.aggregation`).
    resamples
        Number of resamples.
    level
        Nominal coverage, between 0 and 1.
    seed
        Seed of the random numbers; the same seed draws the same cases.

    Raises
    ------
    ValueError
        If the array is not a matrix with at least one value per class, holds infinite values, or a parameter is out of range.
    """
    means, drawn = _resampled_means(checked_matrix(values), _draws(len(values), resamples, seed))
    counts = np.isfinite(values).sum(axis=0)
    return _result(means, drawn, counts, level)


def bootstrap_differences(
    baseline: Matrix,
    candidate: Matrix,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> BootstrapResult:
    """Return intervals of ``candidate − baseline`` on the same cases; a cell counts where both have a value.

    Parameters and errors are those of :func:`bootstrap_means`, for two matrices of one shape.
    """
    if baseline.shape != candidate.shape:
        raise ValueError(f"paired values need one shape, found {baseline.shape} and {candidate.shape}")
    return bootstrap_means(checked_matrix(candidate) - checked_matrix(baseline), resamples=resamples, level=level, seed=seed)


def bootstrap_ratio(
    numerator: Matrix,
    denominator: Matrix,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the interval of the ratio of two macro means on the same cases, for example student over teacher.

    Parameters and errors are those of :func:`bootstrap_means`, for two matrices of one shape.
    """
    if numerator.shape != denominator.shape:
        raise ValueError(f"paired values need one shape, found {numerator.shape} and {denominator.shape}")
    both = np.isfinite(checked_matrix(numerator)) & np.isfinite(checked_matrix(denominator))
    draws = _draws(len(numerator), resamples, seed)
    top, top_drawn = _resampled_means(checked_matrix(np.where(both, numerator, np.nan)), draws)
    bottom, bottom_drawn = _resampled_means(checked_matrix(np.where(both, denominator, np.nan)), draws)
    drawn = _macro_means(top_drawn) / _macro_means(bottom_drawn)
    return _interval(float(top.mean() / bottom.mean()), drawn, level, int(both.any(axis=1).sum()))


def checked_matrix(values: Matrix) -> Matrix:
    """Return ``values`` if they are a finite matrix (case, class) with a value in every class; raise ValueError if not."""
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"expected a matrix (case, class), found shape {values.shape}")
    if np.isinf(values).any():
        raise ValueError("infinite values have no mean; apply a policy for missed classes first")
    if np.isnan(values).all(axis=0).any():
        raise ValueError("a class has no value in any case; leave it out")
    return values


def _draws(cases: int, resamples: int, seed: int) -> Matrix:
    """Return how often each case is drawn in each resample, shape (resample, case)."""
    if resamples < 1 or cases < 1:
        raise ValueError(f"expected at least one case and one resample, found {cases} and {resamples}")
    generator = np.random.default_rng(seed)
    return generator.multinomial(cases, np.full(cases, 1.0 / cases), size=resamples).astype(np.float64)


def _resampled_means(values: Matrix, draws: Matrix) -> Tuple[Matrix, Matrix]:
    """Return the class means, shape (class,), and those of the resamples, (resample, class), NaN where no case was drawn."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    weights = draws @ known
    drawn = np.full(weights.shape, np.nan)
    np.divide(draws @ filled, weights, out=drawn, where=weights > 0)
    return filled.sum(axis=0) / known.sum(axis=0), drawn


def _macro_means(drawn: Matrix) -> Matrix:
    """Return the mean over the classes that were drawn, shape (resample,); NaN where none was."""
    known = np.isfinite(drawn)
    classes = known.sum(axis=1)
    macro = np.full(len(drawn), np.nan)
    np.divide(np.where(known, drawn, 0.0).sum(axis=1), classes, out=macro, where=classes > 0)
    return macro


def _result(means: Matrix, drawn: Matrix, counts: npt.NDArray[np.int64], level: float) -> BootstrapResult:
    classes = tuple(_interval(float(mean), column, level, int(count)) for mean, column, count in zip(means, drawn.T, counts))
    macro = _interval(float(means.mean()), _macro_means(drawn), level, int(counts.max()))
    return BootstrapResult(classes, macro)


def _interval(estimate: float, drawn: Matrix, level: float, cases: int) -> Interval:
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level must lie between 0 and 1, found {level}")
    tail = 50.0 * (1.0 - level)
    low, high = np.nanpercentile(drawn, [tail, 100.0 - tail])
    return Interval(estimate, float(low), float(high), level, cases)
