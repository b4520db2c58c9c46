"""The compiled engine behind :func:`kdseg_training.metrics.surface_metrics`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import DirectedDistances, SurfaceDistances
from kdseg_training.metrics.numba_engine.bricks import Places
from kdseg_training.metrics.numba_engine.nearest import Extent, Spacing, nearest_distances_mm
from kdseg_training.metrics.numba_engine.scan import SurfacePlaces, scan
from kdseg_training.metrics.overlap import OverlapCounts

ClassMeasurement = Tuple[OverlapCounts, Optional[SurfaceDistances]]


@dataclass(frozen=True)
class _Grid:
    """The places of one class, int32 of shape (3, n), in the box that just holds them."""

    places: Places
    extent: Extent
    spacing_mm: Spacing


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
    places = scan(prediction, reference, definition, threads)

    def measure(value: int) -> ClassMeasurement:
        return _measure(places, value, spacing_mm)

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(classes, pool.map(measure, classes)))


def _measure(places: SurfacePlaces, value: int, spacing_mm: Spacing) -> ClassMeasurement:
    counts = OverlapCounts(*(int(n) for n in places.counts[:, value]))
    if not (counts.prediction and counts.reference):
        return counts, None
    own = slice(int(places.starts[value]), int(places.starts[value + 1]))
    positions, codes = places.positions[:, own], places.codes[:, own]
    low, high = positions.min(axis=1), positions.max(axis=1)
    n0, n1, n2 = (int(n) for n in high - low + 1)
    grid = _Grid(positions - low[:, np.newaxis], (n0, n1, n2), spacing_mm)
    on_prediction, on_reference = codes > 0
    return counts, SurfaceDistances(
        from_prediction=_directed(grid, codes[0], on_prediction, on_reference),
        from_reference=_directed(grid, codes[1], on_reference, on_prediction),
    )


def _directed(
    grid: _Grid, codes: npt.NDArray[np.uint8], source: npt.NDArray[np.bool_], target: npt.NDArray[np.bool_]
) -> DirectedDistances:
    """Return the distances from the places in ``source`` to those in ``target``."""
    alone = source & ~target
    return DirectedDistances(
        distances_mm=nearest_distances_mm(
            np.compress(alone, grid.places, axis=1), np.compress(target, grid.places, axis=1), grid.extent, grid.spacing_mm
        ),
        codes=codes[alone],
        coincident=np.bincount(codes[source & target], minlength=256),
    )
