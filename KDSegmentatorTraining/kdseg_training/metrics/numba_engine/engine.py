"""The compiled engine behind :func:`kdseg_training.metrics.surface_metrics`."""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import SurfaceDistances
from kdseg_training.metrics.numba_engine.nearest import Spacing, directed_distances
from kdseg_training.metrics.numba_engine.scan import SurfacePlaces, scan
from kdseg_training.metrics.numba_engine.threads import mapped
from kdseg_training.metrics.overlap import OverlapCounts

ClassMeasurement = Tuple[OverlapCounts, Optional[SurfaceDistances]]


def measure_classes(
    prediction: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    spacing_mm: Spacing,
    classes: Sequence[int],
    *,
    definition: SurfaceDefinition,
    threads: int,
) -> Dict[int, ClassMeasurement]:
    """Count the voxels and measure the surface distances of each class; as the NumPy engine's function of this name."""
    maps = _read_only(prediction), _read_only(reference)
    places = scan(*maps, definition, threads)

    def measure(value: int) -> ClassMeasurement:
        return _measure(places, value, spacing_mm)

    return dict(zip(classes, mapped(measure, classes, threads)))


def _read_only(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a view that cannot be written to; the kernels would be compiled once more for arrays that can."""
    view = array.view()
    view.setflags(write=False)
    return view


def _measure(places: SurfacePlaces, value: int, spacing_mm: Spacing) -> ClassMeasurement:
    counts = OverlapCounts(*(int(n) for n in places.counts[:, value]))
    if not (counts.prediction and counts.reference):
        return counts, None
    own = slice(int(places.starts[value]), int(places.starts[value + 1]))
    positions = np.ascontiguousarray(places.positions[:, own])  # always: the kernels are compiled for one memory order
    on_prediction, on_reference = places.codes[:, own]
    low, high = positions.min(axis=1), positions.max(axis=1)
    n0, n1, n2 = (int(n) for n in high - low + 1)
    return counts, SurfaceDistances(
        from_prediction=directed_distances(positions, on_prediction, on_reference, low, (n0, n1, n2), spacing_mm),
        from_reference=directed_distances(positions, on_reference, on_prediction, low, (n0, n1, n2), spacing_mm),
    )
