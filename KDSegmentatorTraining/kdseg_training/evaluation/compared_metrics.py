"""Which metrics are compared, which way is better, and what a user may ask of them."""

from __future__ import annotations

import math
from typing import Dict, Mapping, Optional, Tuple

from kdseg.errors import InputError
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.policies import OVERLAP_METRICS


def compared_metrics(settings: EvaluationSettings) -> Tuple[str, ...]:
    """Return the columns that are compared: Dice, NSD at every tolerance, Hausdorff distance at every percentile.

    Without a percentile it is the Hausdorff distance itself.
    """
    return (
        "dice",
        *(f"nsd_{tolerance:g}mm" for tolerance in settings.tolerances_mm),
        *([f"hd{percent:g}_mm" for percent in settings.percentiles] or ["hd_mm"]),
    )


def is_larger_better(metric: str) -> bool:
    """Tell whether a larger value is the better one: overlap yes, distances no."""
    return metric.startswith(OVERLAP_METRICS)


def metric_heading(metric: str) -> str:
    """Return the name of a metric for people, with its unit: ``NSD at 1 mm``, ``HD95 (mm)``."""
    plain = {"dice": "Dice", "iou": "IoU", "hd_mm": "HD (mm)", "assd_mm": "ASSD (mm)", "masd_mm": "MASD (mm)"}
    if metric in plain:
        return plain[metric]
    if metric.startswith("nsd_") and metric.endswith("mm"):
        return f"NSD at {metric[4:-2]} mm"
    if metric.startswith("hd") and metric.endswith("_mm"):
        return f"HD{metric[2:-3]} (mm)"
    return metric.replace("_", " ")


def checked_roles(
    evaluation: Evaluation, teacher: Optional[str], baseline: Optional[str]
) -> Tuple[Optional[str], Optional[str]]:
    """Return teacher and baseline; InputError if a name is unknown or both are one."""
    names = [model.name for model in evaluation.models]
    for role, name in (("teacher", teacher), ("baseline", baseline)):
        if name is not None and name not in names:
            raise InputError(
                f"The {role} is none of the models.",
                expected=f"one of {', '.join(names)}",
                found=name,
                remedy="Name a model that is being evaluated.",
            )
    if teacher is not None and teacher == baseline:
        raise InputError(
            "One model cannot be both teacher and baseline.",
            expected="two models",
            found=teacher,
            remedy="Name the small network that was trained without distillation as baseline, or none.",
        )
    return teacher, baseline


def checked_margins(settings: EvaluationSettings, margins: Mapping[str, float], teacher: Optional[str]) -> Dict[str, float]:
    """Return the margins; InputError if a metric is not compared, a margin is not above 0, or there is no teacher."""
    metrics = compared_metrics(settings)
    for metric, margin in margins.items():
        if metric not in metrics:
            raise InputError(
                "There is no such metric to set a margin for.", expected=f"one of {', '.join(metrics)}", found=metric
            )
        if not (math.isfinite(margin) and margin > 0):
            raise InputError(f"The margin of {metric} is not usable.", expected="a loss above 0", found=f"{margin}")
    if margins and teacher is None:
        raise InputError(
            "A margin says how much may be lost against a teacher, and there is none.",
            remedy="Name the teacher, or leave the margin out.",
        )
    return {metric: float(margin) for metric, margin in margins.items()}
