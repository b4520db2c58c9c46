"""From the metrics of cases to one line per class and metric, in which every case is counted."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import List, Sequence

import numpy as np
import numpy.typing as npt

from kdseg.errors import InputError
from kdseg_training.metrics.definitions import Status, SurfaceDefinition
from kdseg_training.metrics.policies import PENALISED, EmptyMaskPolicy, value_under
from kdseg_training.metrics.results import CaseMetrics


@dataclass(frozen=True)
class StatusCounts:
    """How many cases of a class have which status; they add up to the number of cases."""

    ok: int
    missed: int
    hallucinated: int
    both_empty: int

    @property
    def cases(self) -> int:
        """All cases."""
        return self.ok + self.missed + self.hallucinated + self.both_empty


@dataclass(frozen=True)
class ClassAggregate:
    """One metric of one class over all cases.

    Attributes
    ----------
    label, metric
        What was averaged; ``metric`` is a column name of :meth:`~kdseg_training.metrics.results.ClassMetrics.values`.
    policy, definition
        What empty masks counted for, and which surface was measured.
    statuses
        All cases by status.
    n
        Cases that entered the average; ``statuses.cases − n`` were left out by the policy.
    mean, std, median, low, high
        Mean, sample standard deviation (NaN for n < 2), median, minimum and maximum; NaN for n = 0. A mean over infinite
        values is infinite, its standard deviation NaN.
    """

    label: int
    metric: str
    policy: str
    definition: SurfaceDefinition
    statuses: StatusCounts
    n: int
    mean: float
    std: float
    median: float
    low: float
    high: float


def metric_matrix(
    cases: Sequence[CaseMetrics], labels: Sequence[int], metric: str, policy: EmptyMaskPolicy = PENALISED
) -> npt.NDArray[np.float64]:
    """Return one metric as a matrix of shape (case, class), NaN where the policy leaves the cell out.

    Raises
    ------
    InputError
        If there is no case, or the cases were not measured in one way.
    ValueError
        If a case has no such class or metric.
    """
    _check_comparable(cases)
    return np.array([[value_under(policy, case, label, metric) for label in labels] for case in cases], dtype=np.float64)


def case_means(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return each case's mean over the classes that it has, for a matrix (case, class); cases without any are left out."""
    kept = matrix[~np.isnan(matrix).all(axis=1)]
    means: npt.NDArray[np.float64] = np.nanmean(kept, axis=1)
    return means


def count_statuses(cases: Sequence[CaseMetrics], label: int) -> StatusCounts:
    """Count the cases of one class by status."""
    counts = Counter(case.classes[label].status for case in cases)
    return StatusCounts(
        ok=counts[Status.OK],
        missed=counts[Status.MISSED],
        hallucinated=counts[Status.HALLUCINATED],
        both_empty=counts[Status.BOTH_EMPTY],
    )


def aggregate(
    cases: Sequence[CaseMetrics], labels: Sequence[int], metrics: Sequence[str], policy: EmptyMaskPolicy = PENALISED
) -> List[ClassAggregate]:
    """Return one :class:`ClassAggregate` for each label and metric, labels outermost.

    Parameters and errors are those of :func:`metric_matrix`.
    """
    lines = []
    columns = {metric: metric_matrix(cases, labels, metric, policy) for metric in metrics}
    for place, label in enumerate(labels):
        statuses = count_statuses(cases, label)
        for metric in metrics:
            values = columns[metric][:, place]
            lines.append(_line(label, metric, policy.name, cases[0].definition, statuses, values=values[~np.isnan(values)]))
    return lines


def _line(
    label: int,
    metric: str,
    policy: str,
    definition: SurfaceDefinition,
    statuses: StatusCounts,
    *,
    values: npt.NDArray[np.float64],
) -> ClassAggregate:
    n = len(values)
    has_spread = n > 1 and bool(np.isfinite(values).all())
    return ClassAggregate(
        label=label,
        metric=metric,
        policy=policy,
        definition=definition,
        statuses=statuses,
        n=n,
        mean=float(values.mean()) if n else math.nan,
        std=float(values.std(ddof=1)) if has_spread else math.nan,
        median=_median(values),
        low=float(values.min()) if n else math.nan,
        high=float(values.max()) if n else math.nan,
    )


def _median(values: npt.NDArray[np.float64]) -> float:
    """Return the median; with infinite values too, where half way to infinity is infinity."""
    if not len(values):
        return math.nan
    ordered = np.sort(values)
    below, above = float(ordered[(len(values) - 1) // 2]), float(ordered[len(values) // 2])
    return below if below == above else (below + above) / 2.0


def _check_comparable(cases: Sequence[CaseMetrics]) -> None:
    if not cases:
        raise InputError("There is no case to average.")
    ways = {(case.definition.value, case.strict_tolerance) for case in cases}
    if len(ways) > 1:
        raise InputError(
            "The cases were measured in different ways.",
            expected="one surface definition and one rule for tolerances",
            found="; ".join(f"{definition}, strict tolerance {strict}" for definition, strict in sorted(ways)),
            remedy="Measure all cases again with the same settings.",
        )
