"""Is the student good enough: non-inferiority to the teacher, retention of its quality, recovery of what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from kdseg_training.metrics.bootstrap import (
    DEFAULT_RESAMPLES,
    Interval,
    Matrix,
    bootstrap_differences,
    bootstrap_means,
    bootstrap_ratio,
    checked_matrix,
)

MLPERF_RETENTION = (0.99, 0.999)
"""Shares of the reference's Dice that MLPerf Inference asks of 3D U-Net.

Reddi et al. 2020, doi:10.1109/ISCA45697.2020.00045.
"""


@dataclass(frozen=True)
class NonInferiority:
    """The outcome of a one-sided non-inferiority test at 5 %.

    Attributes
    ----------
    difference
        Student − teacher of the macro means, with its 90 % interval: one end of it is the one-sided 95 % bound.
    margin
        The largest loss that is accepted, positive, in the units of the metric.
    non_inferior
        Whether the bound on the loss lies within the margin.
    """

    difference: Interval
    margin: float
    non_inferior: bool


@dataclass(frozen=True)
class Recovery:
    """How much of the gap between a small network trained alone and the teacher the distilled student closes.

    Attributes
    ----------
    gap
        Teacher − baseline of the macro means, with its interval.
    recovered
        ``(student − baseline) / (teacher − baseline)`` with its interval; None where the interval of the gap holds 0, as the
        ratio then has no meaning.
    """

    gap: Interval
    recovered: Optional[Interval]

    def has_gap(self, *, larger_is_better: bool) -> bool:
        """Tell whether the teacher is ahead of the baseline beyond doubt; else there is nothing to recover."""
        ahead = self.gap.estimate > 0 if larger_is_better else self.gap.estimate < 0
        return ahead and self.recovered is not None


def non_inferiority(
    teacher: Matrix,
    student: Matrix,
    margin: float,
    *,
    larger_is_better: bool = True,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> NonInferiority:
    """Test whether the student's macro mean is worse than the teacher's by less than ``margin``.

    Parameters
    ----------
    teacher, student
        One metric on the same cases, shape (case, class), as for
        :func:`~kdseg_training.metrics.bootstrap.bootstrap_differences`.
    margin
        The accepted loss, above 0.
    larger_is_better
        True for Dice and NSD, False for distances.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        If the margin is not above 0, or the matrices do not fit.
    """
    if not margin > 0:
        raise ValueError(f"the margin must be above 0, found {margin}")
    difference = bootstrap_differences(teacher, student, level=0.90, resamples=resamples, seed=seed).macro
    within = difference.low > -margin if larger_is_better else difference.high < margin
    return NonInferiority(difference, margin, bool(within))


def retention(
    teacher: Matrix, student: Matrix, *, resamples: int = DEFAULT_RESAMPLES, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the student's macro mean as a share of the teacher's, with its interval; compare it with :data:`MLPERF_RETENTION`.

    Meaningful for metrics with a true zero where larger is better: Dice, IoU, NSD.
    """
    return bootstrap_ratio(student, teacher, resamples=resamples, level=level, seed=seed)


def recovery(
    teacher: Matrix,
    student: Matrix,
    baseline: Matrix,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Recovery:
    """Return how much of the teacher's lead over ``baseline``, the same small network trained alone, the student recovers.

    All three matrices hold one metric on the same cases, shape (case, class); a cell counts where all three have a value.
    """
    if not teacher.shape == student.shape == baseline.shape:
        raise ValueError(f"paired values need one shape, found {teacher.shape}, {student.shape} and {baseline.shape}")
    unknown = np.isnan(checked_matrix(teacher) + checked_matrix(student) + checked_matrix(baseline))
    gap_cells = np.where(unknown, np.nan, teacher - baseline)
    gain_cells = np.where(unknown, np.nan, student - baseline)
    gap = bootstrap_means(gap_cells, resamples=resamples, level=level, seed=seed).macro
    if gap.contains(0.0):
        return Recovery(gap, None)
    return Recovery(gap, bootstrap_ratio(gain_cells, gap_cells, resamples=resamples, level=level, seed=seed))
