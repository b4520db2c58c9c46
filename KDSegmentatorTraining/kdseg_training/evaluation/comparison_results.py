"""What a comparison of models says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from kdseg_training.evaluation.common_cells import CommonCells
from kdseg_training.metrics import BootstrapResult, Interval, NonInferiority, PairedTest, Rank, Recovery
from kdseg_training.metrics.bootstrap import DEFAULT_RESAMPLES

SMALLEST_COMPARED_CASES = 6
"""Below this number of cases no model can be told from another: 2 / 2⁶ is the first two-sided p-value of signs below 0.05."""

ModelMetric = Tuple[str, str]
"""Name of a model, name of a metric."""


@dataclass(frozen=True)
class ClassTest:
    """Two models on one structure.

    Attributes
    ----------
    label
        Value of the structure.
    difference
        Candidate − baseline of the means over cases, with its 95 % interval.
    test
        Wilcoxon's signed-rank test over the cases, with Pratt's zeros.
    holm_p
        Its p-value, corrected by Holm for all structures and all pairs of models in this metric.
    """

    label: int
    difference: Interval
    test: PairedTest
    holm_p: float


@dataclass(frozen=True)
class PairComparison:
    """Two models in one metric.

    Attributes
    ----------
    baseline, candidate, metric
        Which.
    difference
        Candidate − baseline of the means over cases of each case's mean over its structures, with its 95 % interval.
    test
        Wilcoxon's test over the cases, of each case's mean over the structures.
    holm_p
        Its p-value, corrected by Holm for all pairs of models in this metric.
    classes
        The same by structure.
    """

    baseline: str
    candidate: str
    metric: str
    difference: Interval
    test: PairedTest
    holm_p: float
    classes: Tuple[ClassTest, ...]


@dataclass(frozen=True)
class Comparison:
    """All that is said about the models side by side.

    Attributes
    ----------
    models, metrics
        Their names.
    teacher, baseline
        The models with these roles, if any was named.
    cells
        Which cases and structures were compared.
    quality
        Means with 95 % intervals by model and metric, on the common cases: by structure, and over the cases of each case's mean
        over its structures. All claims below are about the latter.
    pairs
        Paired comparisons, by metric; empty for one model or fewer than :data:`SMALLEST_COMPARED_CASES` cases.
    retained
        Share of the teacher's mean, for metrics where larger is better.
    inferiority
        Against the teacher, for metrics with a margin.
    recovered
        Share of the teacher's lead over the baseline.
    ranks
        Among all models, by model and metric; for two models or more.
    margins
        Largest accepted losses, as they were given.
    resamples, seed
        Of the bootstrap.
    """

    models: Tuple[str, ...]
    metrics: Tuple[str, ...]
    teacher: Optional[str]
    baseline: Optional[str]
    cells: CommonCells
    quality: Mapping[ModelMetric, BootstrapResult]
    pairs: Tuple[PairComparison, ...] = ()
    retained: Mapping[ModelMetric, Interval] = field(default_factory=dict)
    inferiority: Mapping[ModelMetric, NonInferiority] = field(default_factory=dict)
    recovered: Mapping[ModelMetric, Recovery] = field(default_factory=dict)
    ranks: Mapping[ModelMetric, Rank] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    resamples: int = DEFAULT_RESAMPLES
    seed: int = 0

    @property
    def has_enough_cases(self) -> bool:
        """Whether differences could be told from chance at all."""
        return len(self.cells.cases) >= SMALLEST_COMPARED_CASES

    def as_data(self) -> Dict[str, Any]:
        """Return the same as plain data for strict JSON; NaN is None."""
        from kdseg_training.evaluation.comparison_json import comparison_as_data

        return comparison_as_data(self)
