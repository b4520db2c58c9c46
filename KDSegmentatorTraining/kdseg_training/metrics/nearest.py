"""Nearest place of a surface without a distance transform: near ones by offsets, nearest first; far ones by a k-d tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from kdseg_training.metrics.surfaces import Margin

SEARCH_RADIUS_SPACINGS = 4.0
"""Radius of the near search, in units of the smallest spacing."""

SEARCH_OFFSETS = 93
"""Offsets that the near search tries at most: the ball of radius √8 spacings of an isotropic grid less its centre."""


@dataclass(frozen=True)
class NearOffsets:
    """Grid offsets around a place, nearest first, with no gap: what the first k leave out is farther than the k-th.

    Attributes
    ----------
    steps
        int64, shape (n, 3): index steps along the array axes; (0, 0, 0) is left out.
    distances_mm
        float64, shape (n,).
    margin
        Largest step along each axis.
    """

    steps: npt.NDArray[np.int64]
    distances_mm: npt.NDArray[np.float64]
    margin: Margin


@lru_cache(maxsize=64)
def near_offsets(spacing_mm: Tuple[float, float, float]) -> NearOffsets:
    """Return the offsets of the near search for a grid of ``spacing_mm`` along the array axes."""
    radius_mm = SEARCH_RADIUS_SPACINGS * min(spacing_mm)
    reach = [max(1, int(np.ceil(radius_mm / s))) for s in spacing_mm]
    axes = np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij")
    steps = np.stack(axes, axis=-1).reshape(-1, 3)
    squared = _squared_length_mm2(steps, spacing_mm)
    inside = squared <= radius_mm**2
    steps, squared = steps[inside], squared[inside]
    order = np.argsort(squared, kind="stable")[1 : SEARCH_OFFSETS + 1]
    steps = steps[order]
    m0, m1, m2 = (int(m) for m in np.abs(steps).max(axis=0))
    return NearOffsets(steps, np.sqrt(squared[order]), (m0, m1, m2))


def nearest_distances_mm(
    queries: npt.NDArray[np.int64],
    targets: npt.NDArray[np.bool_],
    spacing_mm: Tuple[float, float, float],
    threads: int,
) -> npt.NDArray[np.float64]:
    """Return the exact distance from each query to the nearest target.

    Parameters
    ----------
    queries
        Flat indices into ``targets``, shape (n,); none is a target itself, and all lie at least
        :attr:`NearOffsets.margin` away from the ends of every axis.
    targets
        Boolean array of shape (z, y, x), C order, with at least one target.
    spacing_mm
        Spacing along the array axes, in mm.
    threads
        Threads of the k-d tree query.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), in mm.
    """
    near = near_offsets(spacing_mm)
    flat = targets.ravel()
    strides = np.array([targets.shape[1] * targets.shape[2], targets.shape[2], 1])
    distances = np.empty(len(queries), dtype=np.float64)
    rows, places = np.arange(len(queries)), queries
    for jump, distance in zip((near.steps @ strides).tolist(), near.distances_mm.tolist()):
        if not len(rows):
            return distances
        hit = flat[places + jump]
        distances[rows[hit]] = distance
        miss = ~hit
        rows, places = rows[miss], places[miss]
    if len(rows):
        distances[rows] = _far_distances_mm(places, targets, spacing_mm, threads)
    return distances


def _far_distances_mm(
    queries: npt.NDArray[np.int64],
    targets: npt.NDArray[np.bool_],
    spacing_mm: Tuple[float, float, float],
    threads: int,
) -> npt.NDArray[np.float64]:
    """Return the distance to the nearest target through a k-d tree, recomputed from whole index steps."""
    target_steps = np.stack(np.nonzero(targets), axis=1)
    query_steps = np.stack(np.unravel_index(queries, targets.shape), axis=1)
    spacing = np.asarray(spacing_mm)
    tree = cKDTree(target_steps * spacing, leafsize=32, balanced_tree=False, compact_nodes=False)
    nearest = tree.query(query_steps * spacing, workers=threads)[1]
    return np.sqrt(_squared_length_mm2(target_steps[nearest] - query_steps, spacing_mm))


def _squared_length_mm2(steps: npt.NDArray[np.int64], spacing_mm: Tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return the squared length of index steps, shape (n, 3), summed in the order that SciPy's distance transform uses."""
    d0, d1, d2 = (steps[:, axis] * spacing_mm[axis] for axis in range(3))
    squared: npt.NDArray[np.float64] = d0 * d0 + d1 * d1 + d2 * d2
    return squared
