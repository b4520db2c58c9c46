"""``evaluation.json``: an evaluation as strict JSON, and back without loss."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Union

from kdseg.errors import InputError
from kdseg.worker.error_data import error_as_data, error_from_data
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.overlap import OverlapCounts
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics

EVALUATION_SCHEMA = "kdseg-evaluation/1"
"""Name and version of the layout, in the key ``schema``."""

_INFINITE = "inf"


def evaluation_to_json(evaluation: Evaluation) -> str:
    """Return the text of :meth:`Evaluation.to_json`."""
    settings = evaluation.settings
    data = {
        "schema": EVALUATION_SCHEMA,
        "settings": settings.as_dict(),
        "reference": evaluation.reference,
        "environment": dict(evaluation.environment),
        "models": [_model_as_data(model, settings) for model in evaluation.models],
    }
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def evaluation_from_json(text: Union[str, bytes]) -> Evaluation:
    """Return the evaluation of a text of :func:`evaluation_to_json`; InputError if it is none."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != EVALUATION_SCHEMA:
            raise ValueError(f"the schema is not {EVALUATION_SCHEMA}")
        settings = EvaluationSettings.from_dict(data["settings"])
        models = tuple(_model_from_data(model, settings) for model in data["models"])
        return Evaluation(settings, data["reference"], models, data["environment"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "The text is not an evaluation.",
            expected=f"evaluation.json of the layout {EVALUATION_SCHEMA}",
            found=f"{type(error).__name__}: {error}",
            remedy="Evaluate again with this version of the program.",
        ) from error


def finite_or_text(value: float) -> Union[float, str, None]:
    """Return a number as strict JSON can hold it: NaN as None, infinity as ``"inf"``."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else (_INFINITE if value > 0 else f"-{_INFINITE}")


def number_of(value: Union[float, str, None]) -> float:
    """Return the number that :func:`finite_or_text` wrote."""
    return math.nan if value is None else float(value)


def _model_as_data(model: ModelResult, settings: EvaluationSettings) -> Dict[str, Any]:
    statuses = {str(label): vars(model.statuses(label)) for label in settings.labels}
    return {
        "name": model.name,
        "folder": model.folder,
        "n": len(model.cases),
        "statuses": statuses,
        "missing": list(model.missing),
        "unexpected": list(model.unexpected),
        "failed": [{"case": case, "error": error_as_data(error)} for case, error in model.failed],
        "notes": [list(note) for note in model.notes],
        "ignored_voxels": dict(model.ignored_voxels),
        "files": [{"case": p.case, "prediction": str(p.prediction), "reference": str(p.reference)} for p in model.pairs],
        "cases": [_case_as_data(case) for case in model.cases],
    }


def _model_from_data(data: Mapping[str, Any], settings: EvaluationSettings) -> ModelResult:
    return ModelResult(
        name=data["name"],
        folder=data["folder"],
        cases=tuple(_case_from_data(case, settings) for case in data["cases"]),
        failed=tuple((entry["case"], error_from_data(entry["error"])) for entry in data["failed"]),
        missing=tuple(data["missing"]),
        unexpected=tuple(data["unexpected"]),
        pairs=tuple(Pair(p["case"], Path(p["prediction"]), Path(p["reference"])) for p in data["files"]),
        ignored_voxels=dict(data["ignored_voxels"]),
        notes=tuple((case, note) for case, note in data["notes"]),
    )


def _case_as_data(case: CaseMetrics) -> Dict[str, Any]:
    return {
        "case": case.case,
        "shape": list(case.shape),
        "spacing_mm": list(case.spacing_mm),
        "classes": [_class_as_data(metrics) for metrics in case.classes.values()],
    }


def _class_as_data(metrics: ClassMetrics) -> Dict[str, Any]:
    """Return the raw values, and those that follow from them for other readers (status, Dice, IoU)."""
    counts = metrics.counts
    return {
        "label": metrics.label,
        "status": metrics.status.value,
        "prediction_voxels": counts.prediction,
        "reference_voxels": counts.reference,
        "common_voxels": counts.both,
        "voxel_volume_ml": metrics.voxel_volume_ml,
        "dice": finite_or_text(metrics.dice),
        "iou": finite_or_text(metrics.iou),
        "nsd": _texts(metrics.nsd.values()),
        "hd_mm": finite_or_text(metrics.hd_mm),
        "hd_percentiles_mm": _texts(metrics.hd_percentiles_mm.values()),
        "assd_mm": finite_or_text(metrics.assd_mm),
        "masd_mm": finite_or_text(metrics.masd_mm),
    }


def _case_from_data(data: Mapping[str, Any], settings: EvaluationSettings) -> CaseMetrics:
    classes = [_class_from_data(entry, settings) for entry in data["classes"]]
    if [metrics.label for metrics in classes] != list(settings.labels):
        raise ValueError(f"case {data['case']!r} was not measured for the labels of the settings")
    depth, height, width = data["shape"]
    z, y, x = data["spacing_mm"]
    return CaseMetrics(
        case=data["case"],
        classes={metrics.label: metrics for metrics in classes},
        definition=settings.definition,
        strict_tolerance=settings.strict_tolerance,
        shape=(depth, height, width),
        spacing_mm=(z, y, x),
    )


def _class_from_data(data: Mapping[str, Any], settings: EvaluationSettings) -> ClassMetrics:
    return ClassMetrics(
        label=data["label"],
        counts=OverlapCounts(data["prediction_voxels"], data["reference_voxels"], data["common_voxels"]),
        voxel_volume_ml=data["voxel_volume_ml"],
        nsd=_by_key(settings.tolerances_mm, data["nsd"]),
        hd_mm=number_of(data["hd_mm"]),
        hd_percentiles_mm=_by_key(settings.percentiles, data["hd_percentiles_mm"]),
        assd_mm=number_of(data["assd_mm"]),
        masd_mm=number_of(data["masd_mm"]),
    )


def _texts(values: Any) -> List[Union[float, str, None]]:
    return [finite_or_text(value) for value in values]


def _by_key(keys: Sequence[float], values: Sequence[Union[float, str, None]]) -> Dict[float, float]:
    if len(keys) != len(values):
        raise ValueError(f"{len(values)} values for {len(keys)} settings")
    return {key: number_of(value) for key, value in zip(keys, values)}
