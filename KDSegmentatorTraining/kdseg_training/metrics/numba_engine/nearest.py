"""Exact distances from the places of one surface to the nearest place of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.numba_engine.bricks import BRICK_BITS, Places, bricks_near, group_into_bricks
from kdseg_training.metrics.numba_engine.nearest_kernels import WINDOW_BELOW, search_bricks, search_rows, set_bits

SEARCHED_ROWS = 600
"""Rows around a query that are searched at most: a disc of 14 voxels' radius on an isotropic grid."""

NEAR_BRICKS_ALONG_ROWS = 2
"""A query whose own row holds no target within this number of bricks goes straight to the search over bricks."""

Spacing = Tuple[float, float, float]
Extent = Tuple[int, int, int]


@dataclass(frozen=True)
class RowSteps:
    """Steps to the rows around a place, nearest first, with no gap.

    Attributes
    ----------
    steps
        int32, shape (n, 2), along the first two array axes.
    squared_mm2
        float64, shape (n,), ascending.
    margin
        Largest step along each of the two axes.
    """

    steps: npt.NDArray[np.int32]
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
    steps = np.stack([i[inside][order], j[inside][order]], axis=1).astype(np.int32)
    margin = np.abs(steps).max(axis=0)
    return RowSteps(steps, squared[inside][order], (int(margin[0]), int(margin[1])))


def nearest_distances_mm(queries: Places, targets: Places, extent: Extent, spacing_mm: Spacing) -> npt.NDArray[np.float64]:
    """Return the distance from each query to the nearest target.

    Parameters
    ----------
    queries, targets
        int32, C order, shapes (3, n) and (3, m), m > 0: positions along the array axes, within ``extent``.
    extent
        Number of places along each axis.
    spacing_mm
        Spacing along the array axes, in mm.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), in mm.
    """
    squared = np.full(queries.shape[1], np.inf)
    if not len(squared):
        return squared
    _search_near(queries, targets, extent, spacing_mm, squared)
    rest = np.flatnonzero(squared > _proven_mm2(spacing_mm))
    if len(rest):
        squared[rest] = _search_far(np.take(queries, rest, axis=1), targets, spacing_mm, squared[rest])
    distances: npt.NDArray[np.float64] = np.sqrt(squared)
    return distances


def _proven_mm2(spacing_mm: Spacing) -> float:
    """Return the squared radius within which the search over rows misses nothing."""
    return min((WINDOW_BELOW * spacing_mm[2]) ** 2, float(row_steps(spacing_mm).squared_mm2[-1]))


def _search_near(
    queries: Places, targets: Places, extent: Extent, spacing_mm: Spacing, squared_mm2: npt.NDArray[np.float64]
) -> None:
    """Write what :func:`~kdseg_training.metrics.numba_engine.nearest_kernels.search_rows` finds."""
    rows = row_steps(spacing_mm)
    (n0, n1, n2), (m0, m1) = extent, rows.margin
    bits = np.zeros((n0 + 2 * m0, n1 + 2 * m1, (n2 + 2 * WINDOW_BELOW) // 64 + 2), np.uint64)
    set_bits(targets, rows.margin, bits)
    near = bricks_near(targets, extent, ((m0 >> BRICK_BITS) + 1, (m1 >> BRICK_BITS) + 1, NEAR_BRICKS_ALONG_ROWS))
    search_rows(queries, bits, rows.margin, near, rows.steps, rows.squared_mm2, spacing_mm, squared_mm2)


def _search_far(
    queries: Places, targets: Places, spacing_mm: Spacing, bounds_mm2: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the squared distances of queries whose nearest target may be far, from upper bounds of them."""
    near, far = group_into_bricks(queries), group_into_bricks(targets)
    squared = bounds_mm2[near.order]
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
