"""Measure one case from its two files; a plain function of plain data, so that any process can run it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple

import numpy as np

from kdseg.errors import GeometryError
from kdseg.io.reader import SAME_GRID_TOLERANCE_MM
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.label_files import read_label_map
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.evaluation import evaluate_pair
from kdseg_training.metrics.results import CaseMetrics


@dataclass(frozen=True)
class Measurement:
    """What came out of one case.

    Attributes
    ----------
    metrics
        Metrics of all structures.
    ignored_voxels
        Voxels that the reference marks as not labelled.
    notes
        Sentences for people: harmless faults of the files.
    """

    metrics: CaseMetrics
    ignored_voxels: int = 0
    notes: Tuple[str, ...] = ()


def measure_pair(pair: Pair, settings: EvaluationSettings) -> CaseMetrics:
    """Return the metrics of one case.

    Raises
    ------
    InputError
        If a file is damaged or no label map.
    GeometryError
        If the two grids are not the same place in the patient.
    EngineError
        If the engine of the settings is not installed.
    """
    return measure(pair, settings).metrics


def measure(pair: Pair, settings: EvaluationSettings) -> Measurement:
    """Return the metrics of one case with what is worth telling; errors are those of :func:`measure_pair`."""
    prediction, reference = read_label_map(pair.prediction), read_label_map(pair.reference)
    findings = (*prediction.findings, *reference.findings)
    metrics, ignored = measure_segmentations(pair, prediction.segmentation, reference.segmentation, settings)
    return Measurement(metrics, ignored, tuple(f"{finding.path}: {finding.message}" for finding in findings))


def measure_segmentations(
    pair: Pair, prediction: Segmentation, reference: Segmentation, settings: EvaluationSettings
) -> Tuple[CaseMetrics, int]:
    """Return the metrics of two segmentations and the number of ignored voxels; ``pair`` names them in errors."""
    prediction = on_grid_of(reference, prediction, pair)
    ignored = 0
    if settings.ignore_label is not None:
        outside = reference.labels == settings.ignore_label
        ignored = int(np.count_nonzero(outside))
        prediction = replace(prediction, labels=np.where(outside, 0, prediction.labels).astype(prediction.labels.dtype))
    metrics = evaluate_pair(
        prediction,
        reference,
        list(settings.labels),
        case=pair.case,
        tolerances_mm=settings.tolerances_mm,
        percentiles=settings.percentiles,
        definition=settings.definition,
        engine=settings.engine,
        strict_tolerance=settings.strict_tolerance,
    )
    return metrics, ignored


def on_grid_of(reference: Segmentation, prediction: Segmentation, pair: Pair) -> Segmentation:
    """Return the prediction with the reference's own geometry, if the two are one place in the patient.

    Files keep positions with different precision, so corners may differ by :data:`kdseg.io.reader.SAME_GRID_TOLERANCE_MM`.

    Raises
    ------
    GeometryError
        If shape, spacing, origin or direction differ.
    """
    ours, theirs = prediction.geometry, reference.geometry
    if ours.is_close(theirs, SAME_GRID_TOLERANCE_MM):
        return replace(prediction, geometry=theirs)
    differences = [
        (name, getattr(theirs, name), getattr(ours, name))
        for name in ("shape", "spacing_mm", "origin_mm", "direction")
        if not np.allclose(getattr(theirs, name), getattr(ours, name), rtol=0.0, atol=1e-5)
    ]
    raise GeometryError(
        f"Prediction and reference of the case {pair.case} lie on different grids.",
        expected="; ".join(f"{name} {_rounded(value)}" for name, value, _ in differences),
        found="; ".join(f"{name} {_rounded(value)}" for name, _, value in differences),
        path=pair.prediction,
        remedy="Resample the prediction to the grid of the reference, with nearest neighbours.",
    )


def _rounded(values: Tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:.6g}' for value in values)})"
