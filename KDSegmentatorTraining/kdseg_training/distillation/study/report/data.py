"""The outcome as plain data."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Dict, List, Optional

from kdseg_training.distillation.study.analysis import Analysis, Group, mean_of_means
from kdseg_training.distillation.study.measurement import METRICS
from kdseg_training.distillation.study.outcome import ArmOutcome, Outcome
from kdseg_training.metrics import Interval, Recovery

PLACES = ("raw", "preprocessed", "results", "report", "split", "unlabelled")
"""Settings that say, alone or among other things, where something lies on one computer."""


def results_of(outcome: Outcome) -> Dict[str, Any]:
    """Return everything but the single cases."""
    settings = outcome.config.model_dump(mode="json", exclude=set(PLACES))
    settings["teacher"].pop("model_folder")
    if settings["teacher"]["soft_labels"] is not None:
        settings["teacher"]["soft_labels"].pop("folder")
    if outcome.config.unlabelled is not None:
        settings["unlabelled"] = {"share": outcome.config.unlabelled.share}
    result = {
        "title": outcome.config.title,
        "settings": settings,
        "split": {part: list(getattr(outcome.split, part)) for part in ("train", "validation", "test")},
        "unlabelled": list(outcome.unlabelled),
        "environment": dict(outcome.environment),
        "combination": None if outcome.combination is None else asdict(outcome.combination),
        "equal_time": [asdict(choice) for choice in outcome.equal_time],
        "recommended": {f"{factor:g}": method for factor, method in outcome.recommended().items()},
        "arms": {arm.trained.arm.name: _arm(arm) for arm in outcome.arms},
        "analyses": {_mode(mirrored): _analysis(analysis) for mirrored, analysis in outcome.analyses.items()},
    }
    plain: Dict[str, Any] = _plain(result)
    return plain


def _arm(arm: ArmOutcome) -> Dict[str, Any]:
    what = arm.trained.arm
    return {
        "factor": what.factor,
        "method": what.method,
        "seed": what.seed,
        "candidate": what.candidate,
        "steps": arm.trained.steps(),
        "parameters": arm.parameters,
        "checkpoint_sha256": arm.checkpoint_sha256,
        "training_seconds": dict(arm.trained.seconds),
        "seconds_per_step": arm.trained.seconds_per_step,
        "validation": {metric: mean_of_means(arm.validation.matrix(metric)) for metric in METRICS},
        "test": {
            _mode(mirrored): {
                **{metric: mean_of_means(measured.matrix(metric)) for metric in METRICS},
                "median_seconds_per_case": sorted(measured.seconds)[len(measured.seconds) // 2],
            }
            for mirrored, measured in arm.test.items()
        },
    }


def _analysis(analysis: Analysis) -> Dict[str, Any]:
    groups = [analysis.teacher, *analysis.groups]
    comparisons: List[Dict[str, Any]] = [asdict(comparison) for comparison in analysis.comparisons]
    return {
        "classes": {str(label): name for label, name in analysis.classes.items()},
        "groups": [_group(analysis, group) for group in groups],
        "comparisons": comparisons,
    }


def _group(analysis: Analysis, group: Group) -> Dict[str, Any]:
    claims = analysis.of(group)
    return {
        "factor": group.factor,
        "method": group.method,
        "seeds": list(group.seeds),
        "quality": {metric: asdict(result) for metric, result in claims.quality.items()},
        "retained": {metric: asdict(interval) for metric, interval in claims.retained.items()},
        "recovered": {metric: _recovery(value) for metric, value in claims.recovered.items()},
        "non_inferiority": {metric: asdict(value) for metric, value in claims.inferiority.items()},
    }


def _recovery(value: Recovery) -> Dict[str, Any]:
    recovered: Optional[Interval] = value.recovered
    return {"gap": asdict(value.gap), "recovered": None if recovered is None else asdict(recovered)}


def _mode(mirrored: bool) -> str:
    return "mirrored" if mirrored else "single"


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say: numbers that are not finite become null, keys become text."""
    if isinstance(value, dict):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
