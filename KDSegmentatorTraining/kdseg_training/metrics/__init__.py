"""Overlap and surface metrics in mm, without torch."""

from kdseg_training.metrics.bootstrap import (
    BootstrapResult,
    Interval,
    bootstrap_differences,
    bootstrap_means,
    bootstrap_ratio,
)
from kdseg_training.metrics.definitions import Status, SurfaceDefinition, effective_tolerance_mm
from kdseg_training.metrics.evaluation import evaluate_pair, surface_metrics
from kdseg_training.metrics.overlap import OverlapCounts
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics

__all__ = [
    "BootstrapResult",
    "CaseMetrics",
    "ClassMetrics",
    "Interval",
    "OverlapCounts",
    "Status",
    "SurfaceDefinition",
    "bootstrap_differences",
    "bootstrap_means",
    "bootstrap_ratio",
    "effective_tolerance_mm",
    "evaluate_pair",
    "surface_metrics",
]
