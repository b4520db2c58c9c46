"""Measure one case from its two files; a plain function of plain data, so that any process can run it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Tuple

from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.grids import different_grids, lies_on_grid, resampled
from kdseg_training.evaluation.label_files import LabelFile, read_label_map
from kdseg_training.evaluation.segment_names import by_name
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.evaluation.structures import measure_structures, values_in
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
        Sentences for people: harmless faults of the files, values that are not measured, segments matched by name.
    """

    metrics: CaseMetrics
    ignored_voxels: int = 0
    notes: Tuple[str, ...] = ()


def measure_pair(pair: Pair, settings: EvaluationSettings) -> CaseMetrics:
    """Return the metrics of one case.

    Raises
    ------
    InputError
        If a file is damaged, no label map, or its segments cannot be told apart.
    GeometryError
        If the two grids are not the same place in the patient and ``settings.resample`` is not set.
    EngineError
        If the engine of the settings is not installed.
    """
    return measure(pair, settings).metrics


def measure(pair: Pair, settings: EvaluationSettings) -> Measurement:
    """Return the metrics of one case with what is worth telling; errors are those of :func:`measure_pair`."""
    prediction, reference, notes = read_pair(pair, settings)
    metrics, ignored = measure_structures(pair.case, prediction, reference, settings)
    return Measurement(metrics, ignored, notes)


def read_pair(pair: Pair, settings: EvaluationSettings) -> Tuple[Segmentation, Segmentation, Tuple[str, ...]]:
    """Return prediction and reference as they are compared: one grid, the values of the settings; and the notes."""
    notes: List[str] = []
    prediction = _labelled(read_label_map(pair.prediction), settings, notes)
    reference = _labelled(read_label_map(pair.reference), settings, notes)
    if lies_on_grid(prediction, reference.geometry):
        return replace(prediction, geometry=reference.geometry), reference, tuple(notes)
    if not settings.resample:
        raise different_grids(pair, prediction.geometry, reference.geometry)
    notes.append(f"{pair.prediction}: resampled to the grid of the reference with nearest neighbours")
    return resampled(prediction, reference.geometry), reference, tuple(notes)


def _labelled(file: LabelFile, settings: EvaluationSettings, notes: List[str]) -> Segmentation:
    notes.extend(f"{finding.path}: {finding.message}" for finding in file.findings)
    segmentation, told = by_name(file, settings)
    notes.extend(told)
    known = settings.measured_values | {settings.ignore_label}
    others = [str(value) for value in values_in(segmentation.labels) if value not in known]
    if others:
        notes.append(f"{file.path}: not measured are the values {', '.join(others)}")
    return segmentation
