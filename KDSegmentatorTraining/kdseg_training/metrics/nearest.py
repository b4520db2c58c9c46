"""Nearest place of a surface without a distance transform: by offsets, nearest first, and by a k-d tree for far ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from kdseg_training.metrics.surfaces import Margin

SEARCH_RADIUS_SPACINGS = 4.0
"""Radius of the search by shells, in units of the smallest spacing."""

SHELL_OFFSETS = 93
"""Offsets that are tried shell by shell at most: the ball of radius √8 spacings of an isotropic grid less its centre."""

OFFSETS = 4096
"""About as many offsets are tried at all: a ball of radius 10 spacings on an isotropic grid."""

FEW_QUERIES = 300
"""With fewer queries left, many offsets are tried at once: calling NumPy takes longer than looking up."""

LOOK_UPS_AT_ONCE = 1 << 15
"""Places looked up at once where few queries are left."""

LOOK_UPS_PER_TARGET = 16
"""A k-d tree takes about as long for each target that it is built from as this many look-ups."""


@dataclass(frozen=True)
class NearOffsets:
    """Grid offsets around a place, nearest first, with no gap: what the first k leave out is at least as far as the k-th.

    Attributes
    ----------
    steps
        int64, shape (n, 3): index steps along the array axes; (0, 0, 0) is left out.
    distances_mm
        float64, shape (n,).
    shells
        Ends of the first groups of offsets of one distance, ascending.
    margin
        Largest step along each axis in these shells, at least 1.
    """

    steps: npt.NDArray[np.int64]
    distances_mm: npt.NDArray[np.float64]
    shells: Tuple[int, ...]
    margin: Margin


@lru_cache(maxsize=64)
def near_offsets(spacing_mm: Tuple[float, float, float]) -> NearOffsets:
    """Return the offsets of the near search for a grid of ``spacing_mm`` along the array axes."""
    shell_radius_mm = SEARCH_RADIUS_SPACINGS * min(spacing_mm)
    radius_mm = max(shell_radius_mm, (OFFSETS * math.prod(spacing_mm) * 3.0 / (4.0 * math.pi)) ** (1.0 / 3.0))
    reach = [int(radius_mm / s) + 1 for s in spacing_mm]
    axes = np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij")
    steps = np.stack(axes, axis=-1).reshape(-1, 3)
    squared = _squared_length_mm2(steps, spacing_mm)
    inside = squared <= radius_mm**2
    steps, squared = steps[inside], squared[inside]
    order = np.argsort(squared, kind="stable")[1:]
    steps, squared = steps[order], squared[order]
    count = min(SHELL_OFFSETS, int(np.searchsorted(squared, shell_radius_mm**2, side="right")))
    shells = np.append(np.flatnonzero(squared[1:count] != squared[: count - 1]) + 1, count)
    m0, m1, m2 = (max(1, int(m)) for m in np.abs(steps[:count]).max(axis=0))
    return NearOffsets(steps, np.sqrt(squared), tuple(shells.tolist()), (m0, m1, m2))


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
    jumps = (near.steps[: near.shells[-1]] @ strides).tolist()
    rows, places = np.arange(len(queries)), queries
    tried = 0
    for end in near.shells:
        if len(rows) < FEW_QUERIES:
            break
        hit = flat.take(places + jumps[tried])
        for jump in jumps[tried + 1 : end]:
            hit |= flat.take(places + jump)
        distances[rows.compress(hit)] = near.distances_mm[tried]
        miss = ~hit
        rows, places = rows.compress(miss), places.compress(miss)
        tried = end
    rest = _few_distances_mm(places, targets, near, tried)
    far = np.flatnonzero(np.isnan(rest))
    if len(far):
        rest[far] = _far_distances_mm(places[far], targets, spacing_mm, threads)
    distances[rows] = rest
    return distances


def _few_distances_mm(
    queries: npt.NDArray[np.int64], targets: npt.NDArray[np.bool_], near: NearOffsets, tried: int
) -> npt.NDArray[np.float64]:
    """Return distances up to the last offset, from the one after ``tried`` on; NaN where a k-d tree is the shorter way.

    Steps that lead out of the array end on its outermost places, which are never targets as the margin is not 0.
    """
    distances = np.full(len(queries), np.nan)
    if not len(queries):
        return distances
    rows, places = np.arange(len(queries)), np.stack(np.unravel_index(queries, targets.shape))
    flat = targets.ravel()
    look_ups = LOOK_UPS_PER_TARGET * int(np.count_nonzero(targets))
    while len(rows) and tried < len(near.steps):
        block = near.steps[tried : tried + max(16, min(tried, LOOK_UPS_AT_ONCE // len(rows)))]
        look_ups -= len(block) * len(rows)
        if look_ups < 0:
            break
        indices = tuple(place[:, np.newaxis] + step for place, step in zip(places, block.T))
        hits = flat.take(np.ravel_multi_index(indices, targets.shape, mode="clip"))
        first = hits.argmax(axis=1)
        hit = hits[np.arange(len(rows)), first]
        distances[rows[hit]] = near.distances_mm[tried + first[hit]]
        rows, places = rows[~hit], places[:, ~hit]
        tried += len(block)
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
