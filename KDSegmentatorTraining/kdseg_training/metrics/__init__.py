"""Overlap and surface metrics in mm, their averages over cases, and the comparison of models; without torch.

``surface_metrics`` measures two label maps, ``evaluate_pair`` two segmentations on one grid; ``metric_matrix`` turns cases into
a (case, class) matrix under an explicit policy for empty masks, which the bootstrap and the tests take.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from kdseg_training.metrics.aggregation import (
        ClassAggregate,
        StatusCounts,
        aggregate,
        case_means,
        count_statuses,
        metric_matrix,
    )
    from kdseg_training.metrics.bootstrap import (
        BootstrapResult,
        Interval,
        bootstrap_differences,
        bootstrap_means,
        bootstrap_ratio,
    )
    from kdseg_training.metrics.comparison import NonInferiority, Recovery, non_inferiority, recovery, retention
    from kdseg_training.metrics.definitions import Status, SurfaceDefinition, effective_tolerance_mm
    from kdseg_training.metrics.evaluation import evaluate_pair, surface_metrics
    from kdseg_training.metrics.overlap import OverlapCounts
    from kdseg_training.metrics.policies import EmptyMaskPolicy
    from kdseg_training.metrics.ranking import Rank, rank_models
    from kdseg_training.metrics.results import CaseMetrics, ClassMetrics
    from kdseg_training.metrics.wilcoxon import PairedTest, holm, paired_wilcoxon

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "aggregation": ["ClassAggregate", "StatusCounts", "aggregate", "case_means", "count_statuses", "metric_matrix"],
        "bootstrap": ["BootstrapResult", "Interval", "bootstrap_differences", "bootstrap_means", "bootstrap_ratio"],
        "comparison": ["NonInferiority", "Recovery", "non_inferiority", "recovery", "retention"],
        "definitions": ["Status", "SurfaceDefinition", "effective_tolerance_mm"],
        "evaluation": ["evaluate_pair", "surface_metrics"],
        "overlap": ["OverlapCounts"],
        "policies": ["EmptyMaskPolicy"],
        "ranking": ["Rank", "rank_models"],
        "results": ["CaseMetrics", "ClassMetrics"],
        "wilcoxon": ["PairedTest", "holm", "paired_wilcoxon"],
    },
)

__all__ = [
    "BootstrapResult",
    "CaseMetrics",
    "ClassAggregate",
    "ClassMetrics",
    "EmptyMaskPolicy",
    "Interval",
    "NonInferiority",
    "OverlapCounts",
    "PairedTest",
    "Rank",
    "Recovery",
    "Status",
    "StatusCounts",
    "SurfaceDefinition",
    "aggregate",
    "bootstrap_differences",
    "bootstrap_means",
    "bootstrap_ratio",
    "case_means",
    "count_statuses",
    "effective_tolerance_mm",
    "evaluate_pair",
    "holm",
    "metric_matrix",
    "non_inferiority",
    "paired_wilcoxon",
    "rank_models",
    "recovery",
    "retention",
    "surface_metrics",
]
