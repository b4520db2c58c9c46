"""Means over cases, by structure and over all structures, with intervals where there are enough cases."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kdseg_training.evaluation.comparison_results import SMALLEST_COMPARED_CASES
from kdseg_training.metrics import BootstrapResult, Interval, bootstrap_means, case_means
from kdseg_training.metrics.bootstrap import Matrix

LEVEL = 0.95
"""Nominal coverage of the intervals."""


def means_of_cases(matrix: Matrix, resamples: int, seed: int) -> BootstrapResult:
    """Return the mean of each structure over the cases, and the mean over the cases of each case's mean over its structures.

    The latter counts every case alike: one hallucination of a structure that hardly occurs weighs as much as one case. Where
    every cell has a value it is also the mean of the structures' means.

    Parameters
    ----------
    matrix
        Shape (case, class); every class has a value in some case. NaN leaves a cell out.
    resamples, seed
        Of the bootstrap by case. Below :data:`~kdseg_training.evaluation.comparison_results.SMALLEST_COMPARED_CASES` cases with
        a value the ends of an interval are NaN.
    """
    macro = case_means(matrix)[:, np.newaxis]
    if len(matrix) < SMALLEST_COMPARED_CASES:
        return BootstrapResult(tuple(_alone(column) for column in matrix.T), _alone(macro[:, 0]))
    classes = bootstrap_means(matrix, resamples=resamples, level=LEVEL, seed=seed).classes
    whole = bootstrap_means(macro, resamples=resamples, level=LEVEL, seed=seed).macro
    return BootstrapResult(tuple(map(honest, classes)), honest(whole))


def honest(interval: Interval) -> Interval:
    """Return an interval without its ends where too few cases have a value: resamples of few cases look too certain."""
    return interval if interval.cases >= SMALLEST_COMPARED_CASES else replace(interval, low=math.nan, high=math.nan)


def _alone(column: Matrix) -> Interval:
    known = column[~np.isnan(column)]
    return Interval(float(known.mean()), math.nan, math.nan, LEVEL, len(known))
