"""From values in label maps to structures: regions, voxels that are not labelled, values that nobody measures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.evaluation import evaluate_pair
from kdseg_training.metrics.label_maps import LARGEST_LABEL
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics


def structure_mask(labels: npt.NDArray[Any], label: int, settings: EvaluationSettings) -> npt.NDArray[np.bool_]:
    """Return the voxels of one structure, of the shape of ``labels``."""
    values = settings.values_of(label)
    mask: npt.NDArray[np.bool_] = labels == values[0] if len(values) == 1 else np.isin(labels, values)
    return mask


def values_in(labels: npt.NDArray[Any]) -> Tuple[int, ...]:
    """Return the values above 0 of a label map (uint8 or uint16), ascending."""
    counts = np.zeros(LARGEST_LABEL + 1, dtype=np.int64)
    for plane in labels:
        found = np.bincount(plane.ravel())
        counts[: len(found)] += found
    return tuple(int(value) for value in np.flatnonzero(counts) if value)


def counted(
    prediction: Segmentation, reference: Segmentation, settings: EvaluationSettings
) -> Tuple[Segmentation, Segmentation, int]:
    """Return both with background where the reference marks voxels as not labelled, and the number of these voxels."""
    if settings.ignore_label is None:
        return prediction, reference, 0
    outside = reference.labels == settings.ignore_label
    ignored = int(np.count_nonzero(outside))
    if not ignored:
        return prediction, reference, 0
    emptied = [
        replace(segmentation, labels=np.where(outside, segmentation.labels.dtype.type(0), segmentation.labels))
        for segmentation in (prediction, reference)
    ]
    return emptied[0], emptied[1], ignored


def measure_structures(
    case: str, prediction: Segmentation, reference: Segmentation, settings: EvaluationSettings
) -> Tuple[CaseMetrics, int]:
    """Return the metrics of all structures of two segmentations on one grid, and the number of ignored voxels."""
    prediction, reference, ignored = counted(prediction, reference, settings)
    plain = [label for label in settings.labels if settings.values_of(label) == (label,)]
    found: Dict[int, ClassMetrics] = dict(_measure(case, prediction, reference, plain, settings).classes)
    for label in settings.regions:
        found.setdefault(label, _measure_region(case, prediction, reference, label, settings))
    z, y, x = reference.geometry.spacing_mm[::-1]
    classes = {label: found[label] for label in settings.labels}
    metrics = CaseMetrics(
        case, classes, settings.definition, settings.strict_tolerance, reference.geometry.shape, spacing_mm=(z, y, x)
    )
    return metrics, ignored


def _measure_region(
    case: str, prediction: Segmentation, reference: Segmentation, label: int, settings: EvaluationSettings
) -> ClassMetrics:
    masks = [
        replace(segmentation, labels=structure_mask(segmentation.labels, label, settings).view(np.uint8))
        for segmentation in (prediction, reference)
    ]
    return replace(_measure(case, masks[0], masks[1], [1], settings).classes[1], label=label)


def _measure(
    case: str, prediction: Segmentation, reference: Segmentation, labels: List[int], settings: EvaluationSettings
) -> CaseMetrics:
    return evaluate_pair(
        prediction,
        reference,
        labels,
        case=case,
        tolerances_mm=settings.tolerances_mm,
        percentiles=settings.percentiles,
        definition=settings.definition,
        engine=settings.engine,
        strict_tolerance=settings.strict_tolerance,
    )
