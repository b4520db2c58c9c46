"""What an empty mask counts for when cases are averaged; the raw values stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

from kdseg_training.metrics.definitions import Status
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics

OVERLAP_METRICS = ("dice", "iou", "nsd_")
"""Beginnings of the names of metrics between 0 and 1, larger is better."""

DISTANCE_METRICS = ("hd", "assd_", "masd_")
"""Beginnings of the names of metrics in mm, smaller is better."""


@dataclass(frozen=True)
class EmptyMaskPolicy:
    """How a class enters an average whose prediction or reference is empty; NaN leaves the case out.

    Attributes
    ----------
    name
        It stands beside every average.
    both_empty_overlap, both_empty_distance_mm
        Values where neither mask holds the class.
    one_empty_overlap, one_empty_distance_mm
        Values of a missed or hallucinated class. None for the distance means the physical diagonal of the case, the largest
        distance that it can hold.
    hallucinated_counts
        False leaves out the cases whose reference does not hold the class.
    """

    name: str
    both_empty_overlap: float = math.nan
    both_empty_distance_mm: float = math.nan
    one_empty_overlap: float = 0.0
    one_empty_distance_mm: Optional[float] = None
    hallucinated_counts: bool = True


PENALISED = EmptyMaskPolicy("penalised")
"""A missed or hallucinated class costs overlap 0 and the physical diagonal; the default, as missing a structure never pays."""

DETECTED_ONLY = EmptyMaskPolicy("detected_only", one_empty_overlap=math.nan, one_empty_distance_mm=math.nan)
"""Only where both masks hold the class; read it together with the counts of missed and hallucinated cases."""

RANKED = EmptyMaskPolicy("ranked", one_empty_distance_mm=math.inf)
"""Distances stay infinite, worse than any measured one; for medians and ranks, not for means."""

NNUNET = EmptyMaskPolicy("nnunet", one_empty_distance_mm=math.nan)
"""As nnU-Net's ``summary.json``: Dice and IoU NaN where neither mask holds the class, else measured; it has no distances."""

METRICS_RELOADED = EmptyMaskPolicy(
    "metrics_reloaded", both_empty_overlap=1.0, both_empty_distance_mm=0.0, one_empty_distance_mm=math.nan
)
"""As the package MetricsReloaded computes Dice and distances: 1 and 0 mm where neither mask holds the class.

It has no distance where one mask is empty, so that a missed class leaves the mean distance untouched.
"""

BRATS_PENALTY_MM = math.sqrt(240.0**2 + 240.0**2 + 155.0**2)
"""The physical diagonal of BraTS's grid, 240×240×155 voxels of 1 mm: 373.13 mm."""

BRATS = EmptyMaskPolicy("brats", both_empty_overlap=1.0, both_empty_distance_mm=0.0, one_empty_distance_mm=BRATS_PENALTY_MM)
"""As the BraTS challenge up to 2021, by region: Dice 1 and 0 mm where neither mask holds the class, else 0 and the penalty."""

PRESENT_ONLY = EmptyMaskPolicy("present_only", hallucinated_counts=False)
"""As TotalSegmentator's evaluation: only cases whose reference holds the class; a missed class is penalised."""

PRESETS = (PENALISED, DETECTED_ONLY, RANKED, NNUNET, METRICS_RELOADED, BRATS, PRESENT_ONLY)
"""All named policies."""


def value_under(policy: EmptyMaskPolicy, case: CaseMetrics, label: int, metric: str) -> float:
    """Return the value of one cell under a policy.

    Parameters
    ----------
    policy
        What an empty mask counts for.
    case, label
        The cell.
    metric
        A column name of :meth:`~kdseg_training.metrics.results.ClassMetrics.values`. Policies decide overlap and distance
        metrics; of the others, infinite values are left out as NaN.

    Raises
    ------
    ValueError
        If the case has no such class or metric.
    """
    measured = _class_of(case, label)
    values = measured.values()
    if metric not in values:
        raise ValueError(f"no metric {metric!r}; there are {', '.join(values)}")
    value = values[metric]
    status = measured.status
    if status is Status.OK:
        return value
    if status is Status.HALLUCINATED and not policy.hallucinated_counts:
        return math.nan
    both_empty = status is Status.BOTH_EMPTY
    if metric.startswith(OVERLAP_METRICS):
        return policy.both_empty_overlap if both_empty else policy.one_empty_overlap
    if metric.startswith(DISTANCE_METRICS):
        if both_empty:
            return policy.both_empty_distance_mm
        return case.diagonal_mm if policy.one_empty_distance_mm is None else policy.one_empty_distance_mm
    return value if math.isfinite(value) else math.nan


def _class_of(case: CaseMetrics, label: int) -> ClassMetrics:
    if label not in case.classes:
        raise ValueError(f"case {case.case!r} was not measured for label {label}")
    return case.classes[label]
