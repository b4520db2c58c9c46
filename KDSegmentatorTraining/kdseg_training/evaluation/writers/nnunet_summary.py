"""nnU-Net's ``summary.json``: the same keys, names and numbers as its own evaluation writes."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Sequence

from kdseg.atomic import write_bytes
from kdseg.errors import InputError, PathLike
from kdseg_training.evaluation.results import ModelResult
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics

SUMMARY_METRICS = ("Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref")
"""nnU-Net's metrics, in the order of its file."""


def nnunet_summary(model: ModelResult, settings: EvaluationSettings) -> Dict[str, Any]:
    """Return what ``nnunetv2.evaluation.evaluate_predictions`` would write for these cases; NaN where it has NaN.

    nnU-Net leaves a case out of a structure's mean Dice where neither mask holds it, and counts 0 for a missed one.

    Raises
    ------
    InputError
        If no case was measured: nnU-Net has no summary of nothing.
    """
    if not model.cases:
        raise InputError(f"No case of {model.name} was measured, so there is no summary.", path=model.folder)
    files = {pair.case: pair for pair in model.pairs}
    cases: List[Dict[str, Any]] = []
    for case in model.cases:
        entry: Dict[str, Any] = {"metrics": _metrics_by_key(case, settings, model.ignored_voxels.get(case.case, 0))}
        if case.case in files:
            entry["prediction_file"] = str(files[case.case].prediction)
            entry["reference_file"] = str(files[case.case].reference)
        cases.append(entry)
    keys = [_key(label, settings) for label in settings.labels]
    mean = {key: {m: _nan_mean([c["metrics"][key][m] for c in cases]) for m in SUMMARY_METRICS} for key in keys}
    foreground = {m: _mean([mean[key][m] for key in keys]) for m in SUMMARY_METRICS}
    return {"foreground_mean": foreground, "mean": mean, "metric_per_case": cases}


def write_nnunet_summary(model: ModelResult, settings: EvaluationSettings, path: PathLike) -> None:
    """Write :func:`nnunet_summary`, as nnU-Net does: keys sorted, four spaces, NaN as the bare word.

    Raises
    ------
    InputError
        If no case was measured.
    OutputError
        If the file cannot be written.
    """
    write_bytes(path, json.dumps(nnunet_summary(model, settings), sort_keys=True, indent=4).encode("utf-8"))


def _key(label: int, settings: EvaluationSettings) -> str:
    """Return nnU-Net's text for a label, ``1``, or for a region, ``(1, 2)``."""
    return str(settings.regions[label]) if label in settings.regions else str(label)


def _metrics_by_key(case: CaseMetrics, settings: EvaluationSettings, ignored: int) -> Dict[str, Dict[str, float]]:
    voxels = math.prod(case.shape) - ignored
    return {_key(label, settings): _metrics(metrics, voxels) for label, metrics in case.classes.items()}


def _metrics(metrics: ClassMetrics, voxels: int) -> Dict[str, float]:
    counts = metrics.counts
    return {
        "Dice": metrics.dice,
        "FN": counts.reference - counts.both,
        "FP": counts.prediction - counts.both,
        "IoU": metrics.iou,
        "TN": voxels - (counts.prediction + counts.reference - counts.both),
        "TP": counts.both,
        "n_pred": counts.prediction,
        "n_ref": counts.reference,
    }


def _nan_mean(values: Sequence[float]) -> float:
    return _mean([value for value in values if not math.isnan(value)])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
