"""Tables for spreadsheets: UTF-8, comma separated, one header row; missing values are empty, infinite ones ``inf``."""

from __future__ import annotations

import csv
import io
import math
from typing import Any, Dict, Iterable, List, Sequence

from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.metrics.aggregation import ClassAggregate, aggregate
from kdseg_training.metrics.policies import DETECTED_ONLY, PENALISED

AVERAGED_UNDER = (PENALISED, DETECTED_ONLY)
"""The policies of the table of averages, read side by side: what counts a missed structure, and what leaves it out."""


def cases_csv(evaluation: Evaluation) -> bytes:
    """Return one row for each model, case and structure with its status, voxel counts and raw values, units in the names.

    Every row names the surface definition. A case that was refused or is missing has one row without a structure.
    """
    settings = evaluation.settings
    columns = ("model", "case", "structure", "label", "status", "prediction_voxels", "reference_voxels", "common_voxels")
    header = (*columns, *settings.metrics, "definition", "reason")
    rows: List[Dict[str, Any]] = []
    for model in evaluation.models:
        for case in model.cases:
            for label, metrics in case.classes.items():
                start = {"model": model.name, "case": case.case, "structure": settings.labels[label]}
                rows.append({**start, **metrics.row(), "definition": case.definition.value})
        rows += [{"model": model.name, "case": name, "status": "refused", "reason": str(e)} for name, e in model.failed]
        rows += [{"model": model.name, "case": name, "status": "missing"} for name in model.missing]
    return _csv(header, rows)


def averages_csv(evaluation: Evaluation) -> bytes:
    """Return one row for each model, structure, metric and policy: n, statuses, mean, spread; all cases are counted."""
    header = (
        *("model", "structure", "label", "metric", "policy", "n", "mean", "std", "median", "min", "max"),
        *("cases", "ok", "missed", "hallucinated", "both_empty", "refused", "missing", "definition"),
    )
    rows = [_average_row(evaluation, model, line) for model in evaluation.models for line in _averages(evaluation, model)]
    return _csv(header, rows)


def _averages(evaluation: Evaluation, model: ModelResult) -> Iterable[ClassAggregate]:
    if not model.cases:
        return []
    labels, metrics = list(evaluation.settings.labels), evaluation.settings.metrics
    return [line for policy in AVERAGED_UNDER for line in aggregate(model.cases, labels, metrics, policy)]


def _average_row(evaluation: Evaluation, model: ModelResult, line: ClassAggregate) -> Dict[str, Any]:
    return {
        "model": model.name,
        "structure": evaluation.settings.labels[line.label],
        "label": line.label,
        "metric": line.metric,
        "policy": line.policy,
        "n": line.n,
        "mean": line.mean,
        "std": line.std,
        "median": line.median,
        "min": line.low,
        "max": line.high,
        "cases": line.statuses.cases,
        **vars(line.statuses),
        "refused": len(model.failed),
        "missing": len(model.missing),
        "definition": line.definition.value,
    }


def _csv(header: Sequence[str], rows: Iterable[Dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n", restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue().encode("utf-8", "backslashreplace")  # names of files may hold bytes that are no text


def _cell(value: Any) -> Any:
    """Return a number in the shortest text that reads back as itself; NaN as nothing."""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return value
