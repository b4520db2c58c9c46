"""The table by structure."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np

from kdseg_training.evaluation.cells import UNKNOWN, interval_cell, number
from kdseg_training.evaluation.compared_metrics import compared_metrics, is_larger_better, metric_heading
from kdseg_training.evaluation.report.averages import Averages
from kdseg_training.evaluation.report.markup import Markup, name, paragraph, section
from kdseg_training.evaluation.report.overview import digits_of
from kdseg_training.evaluation.report.tables import Cell, Table
from kdseg_training.evaluation.results import Evaluation, ModelResult


def structures_section(evaluation: Evaluation, averages: Averages) -> Markup:
    """Return every structure of every model, with its cases counted by status."""
    metrics = compared_metrics(evaluation.settings)
    models = [model for model in evaluation.models if model.cases]
    several = len(evaluation.models) > 1
    columns: List[Cell] = ["Structure", *(["Model"] if several else []), "In both", "Missed", "Hallucinated", "In neither"]
    for metric in metrics:
        heading = metric_heading(metric)
        columns += [f"{heading}: mean", "worst"] if is_larger_better(metric) else [f"{heading}: mean", "median", "largest"]
    table = Table(
        "Cases counted by whether prediction and reference hold the structure, and its metrics over all cases of the model. "
        "Means are penalised as above, with 95 % bootstrap interval; median and largest distance are of the cases where both "
        "hold the structure.",
        columns,
        words={0, 1} if several else {0},
    )
    for label, structure in evaluation.settings.labels.items():
        for place, model in enumerate(models):
            cells: List[Cell] = [name(model.name)] if several else []
            cells += _cells(model, label, metrics, averages)
            table.add(*cells, heading=name(structure) if place == 0 else None, spans=len(models))
    explanation = paragraph(
        "A mean alone hides a structure that is lost in a few cases: read it together with the counts and the worst value."
    )
    return section("structures", "By structure", explanation, table.markup())


def _cells(model: ModelResult, label: int, metrics: Tuple[str, ...], averages: Averages) -> List[str]:
    counts = model.statuses(label)
    cells = [str(counts.ok), str(counts.missed), str(counts.hallucinated), str(counts.both_empty)]
    place = list(model.cases[0].classes).index(label)
    for metric in metrics:
        average = averages.of(model, metric)
        mean, digits = average.classes.get(label), digits_of(metric)
        cells.append(UNKNOWN if mean is None else interval_cell(mean, digits))
        values = (average.values if is_larger_better(metric) else average.detected)[:, place]
        known = values[~np.isnan(values)]
        if is_larger_better(metric):
            cells.append(number(float(known.min()), digits) if len(known) else UNKNOWN)
        else:
            cells += [number(float(f(known)), digits) if len(known) else UNKNOWN for f in (np.median, np.max)]
    return cells
