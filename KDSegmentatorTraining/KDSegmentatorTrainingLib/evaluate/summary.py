"""From rows to one line for each structure, and to what a Bland–Altman plot shows."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from KDSegmentatorTrainingLib.evaluate.results import BOTH_EMPTY, HALLUCINATED, MISSED, OK, EvaluationResult, StructureRow

LEAST_CASES_FOR_LIMITS = 3
"""Limits of agreement need a standard deviation that means something."""

LIMITS_SD = 1.96
"""Standard deviations between the bias and a limit of agreement: 95 % of normally distributed differences lie between both."""


@dataclass(frozen=True)
class StructureSummary:
    """One structure over all cases.

    Attributes
    ----------
    name
        The structure.
    cases
        Cases in which segmentation or reference hold it: those that count.
    missed, hallucinated
        How many of them lack it in the segmentation, or in the reference.
    mean, sd, median
        By the keys of the columns. Ratios are taken over ``cases`` (0 where it was missed or hallucinated), distances over
        those in which both hold it; NaN where there are none. The standard deviation needs two cases.
    detected
        Cases in which both hold it.
    """

    name: str
    cases: int
    missed: int
    hallucinated: int
    detected: int
    mean: Dict[str, float]
    sd: Dict[str, float]
    median: Dict[str, float]


@dataclass(frozen=True)
class Limits:
    """Mean difference, and what lies :data:`LIMITS_SD` standard deviations below and above it, in ml."""

    bias_ml: float
    lower_ml: float
    upper_ml: float


@dataclass(frozen=True)
class Agreement:
    """Volumes of one structure in the segmentation against the reference (Bland and Altman 1986).

    Attributes
    ----------
    mean_ml, difference_ml
        Of every case: mean of both volumes, and segmentation less reference.
    limits
        Bias and limits of agreement; None with fewer than :data:`LEAST_CASES_FOR_LIMITS` cases.
    """

    name: str
    mean_ml: Tuple[float, ...]
    difference_ml: Tuple[float, ...]
    limits: Optional[Limits] = None


def summaries(result: EvaluationResult) -> Tuple[StructureSummary, ...]:
    """Return one line for each structure, in order."""
    return tuple(_summary(name, [row for row in result.rows if row.name == name], result) for name in result.structures)


def agreements(result: EvaluationResult) -> Tuple[Agreement, ...]:
    """Return the volumes of each structure, in order, without the cases in which both lack it."""
    return tuple(_agreement(name, [row for row in result.rows if row.name == name]) for name in result.structures)


def _summary(name: str, rows: Sequence[StructureRow], result: EvaluationResult) -> StructureSummary:
    counted = [row for row in rows if row.status != BOTH_EMPTY]
    detected = [row for row in counted if row.status == OK]
    mean, sd, median = {}, {}, {}
    for column in result.columns:
        values = [row.values[column.key] for row in (detected if column.unit == "mm" else counted)]
        finite = [value for value in values if math.isfinite(value)]
        mean[column.key] = statistics.fmean(finite) if finite else math.nan
        sd[column.key] = statistics.stdev(finite) if len(finite) > 1 else math.nan
        median[column.key] = statistics.median(finite) if finite else math.nan
    count = [row.status for row in counted].count
    return StructureSummary(name, len(counted), count(MISSED), count(HALLUCINATED), len(detected), mean, sd, median)


def _agreement(name: str, rows: Sequence[StructureRow]) -> Agreement:
    counted = [row.values for row in rows if row.status != BOTH_EMPTY]
    means = tuple((v["prediction_volume_ml"] + v["reference_volume_ml"]) / 2 for v in counted)
    differences: List[float] = [v["volume_difference_ml"] for v in counted]
    if len(differences) < LEAST_CASES_FOR_LIMITS:
        return Agreement(name, means, tuple(differences))
    bias, spread = statistics.fmean(differences), LIMITS_SD * statistics.stdev(differences)
    return Agreement(name, means, tuple(differences), Limits(bias, bias - spread, bias + spread))
