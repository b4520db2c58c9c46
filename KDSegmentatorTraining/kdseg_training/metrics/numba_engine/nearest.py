"""Exact distances from the places of one surface to the nearest place of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.distances import DirectedDistances
from kdseg_training.metrics.numba_engine.brick_kernels import search_bricks
from kdseg_training.metrics.numba_engine.bricks import Places, group_into_bricks
from kdseg_training.metrics.numba_engine.row_kernels import WINDOW_BELOW, search_rows, set_bits

SEARCHED_ROWS = 60
"""Rows around a place that are searched at most: a disc of 4 voxels' radius on an isotropic grid."""

Spacing = Tuple[float, float, float]
Extent = Tuple[int, int, int]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RowSteps:
    """Steps to the rows around a place, nearest first, with no gap.

    Attributes
    ----------
    steps
        int64, shape (n, 2), along the first two array axes.
    squared_mm2
        float64, shape (n,), ascending.
    margin
        Largest step along each of the two axes.
    """

    steps: npt.NDArray[np.int64]
    squared_mm2: npt.NDArray[np.float64]
    margin: Tuple[int, int]


@lru_cache(maxsize=64)
def row_steps(spacing_mm: Spacing) -> RowSteps:
    """Return the rows that are searched on a grid of this spacing."""
    s0, s1, _ = spacing_mm
    radius_mm = max(math.sqrt(SEARCHED_ROWS * s0 * s1 / math.pi), s0, s1)
    reach = int(radius_mm / s0) + 1, int(radius_mm / s1) + 1
    i, j = np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij")
    squared = (i * s0) ** 2 + (j * s1) ** 2
    inside = squared <= radius_mm**2
    order = np.argsort(squared[inside], kind="stable")
    steps = np.stack([i[inside][order], j[inside][order]], axis=1)
    margin = np.abs(steps).max(axis=0)
    return RowSteps(steps, squared[inside][order], (int(margin[0]), int(margin[1])))


def directed_distances(  # noqa: PLR0917 (arrays that belong together)
    positions: Places, codes: Codes, target_codes: Codes, low: Places, extent: Extent, spacing_mm: Spacing
) -> DirectedDistances:
    """Return the distances from the places of one surface of a class to the other surface.

    Parameters
    ----------
    positions
        int32, shape (3, n): the places of both surfaces along the array axes.
    codes, target_codes
        uint8, shape (n,): their codes on the first and on the other surface, 0 where they are not on it; each has one at least.
    low, extent
        Lowest position and number of positions along each axis.
    spacing_mm
        Spacing along the array axes, in mm.
    """
    (n0, n1, n2), rows = extent, row_steps(spacing_mm)
    m0, m1 = rows.margin
    bits = np.zeros((n0 + 2 * m0, n1 + 2 * m1, (n2 + 2 * WINDOW_BELOW) // 64 + 2), np.uint64)
    set_bits(positions, target_codes, low, rows.margin, bits)
    coincident = np.zeros(256, np.int64)
    alone, squared = np.empty(positions.shape[1], np.int32), np.empty(positions.shape[1], np.float64)
    proven_mm2 = min((WINDOW_BELOW * spacing_mm[2]) ** 2, float(rows.squared_mm2[-1]))
    jumps = rows.steps @ np.array([bits.shape[1] * bits.shape[2], bits.shape[2]])
    n = search_rows(
        positions,
        codes,
        target_codes,
        low,
        rows.margin,
        bits,
        jumps,
        rows.squared_mm2,
        spacing_mm,
        proven_mm2,
        coincident,
        alone,
        squared,
    )
    alone, squared = alone[:n], squared[:n]
    rest = np.flatnonzero(np.isinf(squared))
    if len(rest):
        queries = np.take(positions, alone[rest], axis=1) - low[:, np.newaxis]
        targets = np.compress(target_codes > 0, positions, axis=1) - low[:, np.newaxis]
        squared[rest] = _search_far(queries, targets, spacing_mm)
    return DirectedDistances(np.sqrt(squared), codes.take(alone), coincident)


def _search_far(queries: Places, targets: Places, spacing_mm: Spacing) -> npt.NDArray[np.float64]:
    """Return the squared distances of queries whose nearest target may be far."""
    near, far = group_into_bricks(queries), group_into_bricks(targets)
    squared = np.empty(queries.shape[1], np.float64)
    search_bricks(
        np.take(queries, near.order, axis=1),
        near.starts,
        near.low,
        near.high,
        np.take(targets, far.order, axis=1),
        far.starts,
        far.low,
        far.high,
        spacing_mm,
        squared,
    )
    result = np.empty_like(squared)
    result[near.order] = squared
    return result
