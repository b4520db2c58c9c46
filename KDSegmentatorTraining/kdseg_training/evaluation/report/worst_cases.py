"""Which cases to look at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Tuple

from kdseg_training.evaluation.results import ModelResult
from kdseg_training.metrics import CaseMetrics, ClassMetrics, Status

WORST_BY_OVERLAP = 6
"""Cases of a model that are shown for their overlap."""

WORST_BY_DISTANCE = 3
"""Further cases that are shown for their largest distance: a small island far away hardly changes the overlap."""


@dataclass(frozen=True)
class WorstCase:
    """A case and the structure for which it is shown.

    Attributes
    ----------
    case
        All its metrics.
    label
        The structure that is worst in it.
    reason
        Why it is shown, for people.
    """

    case: CaseMetrics
    label: int
    reason: str

    @property
    def metrics(self) -> ClassMetrics:
        """The metrics of the structure."""
        return self.case.classes[self.label]


def worst_cases(model: ModelResult) -> List[WorstCase]:
    """Return the worst structure of the worst cases: first those with least overlap, then further ones by distance.

    Overlap is the NSD at the smallest tolerance, or Dice if there is none; of equal ones the larger distance, then the larger
    structure is the worse. Cases without any error are left out.
    """
    chosen = _take(model, _by_overlap, WORST_BY_OVERLAP, "least overlap", [])
    return chosen + _take(model, _by_distance, WORST_BY_DISTANCE, "largest distance", chosen)


def _take(
    model: ModelResult, badness: Callable[[ClassMetrics], Tuple[float, ...]], count: int, reason: str, before: List[WorstCase]
) -> List[WorstCase]:
    found = []
    known = {worst.case.case for worst in before}
    for case in model.cases:
        wrong = [metrics for metrics in case.classes.values() if _is_wrong(metrics)]
        if wrong and case.case not in known:
            worst = max(wrong, key=badness)
            found.append((badness(worst), WorstCase(case, worst.label, _words(worst.status) or reason)))
    found.sort(key=lambda entry: entry[0], reverse=True)
    return [worst for _, worst in found[:count]]


def _is_wrong(metrics: ClassMetrics) -> bool:
    return metrics.status is not Status.BOTH_EMPTY and metrics.dice < 1.0


def _words(status: Status) -> str:
    return {Status.MISSED: "missed", Status.HALLUCINATED: "hallucinated"}.get(status, "")


def _by_overlap(metrics: ClassMetrics) -> Tuple[float, ...]:
    overlap = metrics.nsd[min(metrics.nsd)] if metrics.nsd else metrics.dice
    return -overlap, metrics.hd_mm, _larger_volume_ml(metrics)


def _by_distance(metrics: ClassMetrics) -> Tuple[float, ...]:
    return metrics.hd_mm, _larger_volume_ml(metrics)


def _larger_volume_ml(metrics: ClassMetrics) -> float:
    return max(metrics.prediction_volume_ml, metrics.reference_volume_ml)
