"""The engine that needs NumPy and SciPy only: every class in its own crop."""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.class_boxes import ClassBoxes
from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import DirectedDistances, SurfaceDistances
from kdseg_training.metrics.nearest import near_offsets, nearest_distances_mm
from kdseg_training.metrics.overlap import OverlapCounts, overlap_counts
from kdseg_training.metrics.surfaces import on_surface, surface_codes

ClassMeasurement = Tuple[OverlapCounts, Optional[SurfaceDistances]]


def measure_classes(
    prediction: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    spacing_mm: Tuple[float, float, float],
    classes: Sequence[int],
    *,
    definition: SurfaceDefinition,
    threads: int,
) -> Dict[int, ClassMeasurement]:
    """Count the voxels and measure the surface distances of each class.

    Parameters
    ----------
    prediction, reference
        uint8 label maps of one shape (z, y, x).
    spacing_mm
        Spacing along the array axes, in mm.
    classes
        The values to measure, each 1 to 255.
    definition
        What a surface is.
    threads
        Threads of the far search.

    Returns
    -------
    dict
        By class: the counts, and the distances where both masks hold voxels, else None.
    """
    boxes = ClassBoxes(prediction, reference)
    measured: Dict[int, ClassMeasurement] = {}
    for value in classes:
        box = boxes[value]
        if box is None:
            measured[value] = OverlapCounts(0, 0, 0), None
            continue
        masks = prediction[box] == value, reference[box] == value
        counts = overlap_counts(*masks)
        both_present = counts.prediction > 0 and counts.reference > 0
        distances = surface_distances(*masks, spacing_mm, definition, threads) if both_present else None
        measured[value] = counts, distances
    return measured


def surface_distances(
    prediction: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
    spacing_mm: Tuple[float, float, float],
    definition: SurfaceDefinition,
    threads: int,
) -> SurfaceDistances:
    """Return the distances between the surfaces of two masks of one shape, both with at least one voxel."""
    margin = near_offsets(spacing_mm).margin
    prediction_codes = surface_codes(prediction, margin, definition)
    reference_codes = surface_codes(reference, margin, definition)
    on_prediction, on_reference = on_surface(prediction_codes), on_surface(reference_codes)
    coincident = np.flatnonzero(on_prediction & on_reference)

    def directed(
        codes: npt.NDArray[np.uint8], source: npt.NDArray[np.bool_], target: npt.NDArray[np.bool_]
    ) -> DirectedDistances:
        queries = np.flatnonzero(source & ~target)
        return DirectedDistances(
            distances_mm=nearest_distances_mm(queries, target, spacing_mm, threads),
            codes=codes.ravel()[queries],
            coincident=np.bincount(codes.ravel()[coincident], minlength=256),
        )

    return SurfaceDistances(
        from_prediction=directed(prediction_codes, on_prediction, on_reference),
        from_reference=directed(reference_codes, on_reference, on_prediction),
    )
