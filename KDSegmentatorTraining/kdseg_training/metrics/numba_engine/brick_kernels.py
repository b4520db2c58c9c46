"""Kernels that find far places of a surface: brick by brick, from bounds on the distance of bricks.

Squared distances are always ``(di s0)² + (dj s1)² + (dk s2)²``, added in this order, as SciPy's distance transform does.
"""
# ruff: noqa: PLR0917 (compiled functions take plain arrays, by position)

from __future__ import annotations

from typing import Any

import numpy as np

from kdseg_training.metrics.numba_engine.jit import compiled, compiled_for_vectors


@compiled_for_vectors
def _smallest_squared_mm2(targets: Any, first: int, last: int, i: int, j: int, k: int, spacing_mm: Any) -> float:
    """Return the smallest squared distance from (i, j, k) to the targets, int32 of shape (3, n), of one brick."""
    smallest = np.inf
    s0, s1, s2 = spacing_mm[0], spacing_mm[1], spacing_mm[2]
    for r in range(first, last):
        d0, d1, d2 = (targets[0, r] - i) * s0, (targets[1, r] - j) * s1, (targets[2, r] - k) * s2
        squared = d0 * d0 + d1 * d1 + d2 * d2
        smallest = squared if squared < smallest else smallest  # this form becomes vector code
    return smallest


@compiled
def _gap_mm(low: int, high: int, other_low: int, other_high: int, spacing_mm: float) -> float:
    """Return the smallest distance of two intervals of places."""
    return max(0, low - other_high, other_low - high) * spacing_mm


@compiled
def _span_mm(low: int, high: int, other_low: int, other_high: int, spacing_mm: float) -> float:
    """Return the largest distance of two intervals of places."""
    return max(high - other_low, other_high - low) * spacing_mm


@compiled
def _bound_bricks(low: Any, high: Any, target_low: Any, target_high: Any, spacing_mm: Any, nearest_mm2: Any) -> float:
    """Write the least squared distance from a box to each target brick; return one that holds a target for all its places."""
    reach = np.inf
    for t in range(target_low.shape[1]):
        nearest = farthest = 0.0
        for axis in range(3):
            gap = _gap_mm(low[axis], high[axis], target_low[axis, t], target_high[axis, t], spacing_mm[axis])
            span = _span_mm(low[axis], high[axis], target_low[axis, t], target_high[axis, t], spacing_mm[axis])
            nearest += gap * gap
            farthest += span * span
        nearest_mm2[t] = nearest
        reach = min(reach, farthest)
    return reach


@compiled
def _distance_to_box_mm2(point: Any, low: Any, high: Any, spacing_mm: Any) -> float:
    """Return the squared distance from a place to a box of places."""
    squared = 0.0
    for axis in range(3):
        gap = _gap_mm(point[axis], point[axis], low[axis], high[axis], spacing_mm[axis])
        squared += gap * gap
    return squared


@compiled
def search_bricks(
    queries: Any,
    query_starts: Any,
    query_low: Any,
    query_high: Any,
    targets: Any,
    target_starts: Any,
    target_low: Any,
    target_high: Any,
    spacing_mm: Any,
    squared_mm2: Any,
) -> None:
    """Find the nearest target of every query, brick by brick.

    For each brick of queries the target bricks that can hold a nearest place are listed once; each query then goes through
    them, nearest first, from the bound that its predecessor's nearest place gives.

    Parameters
    ----------
    queries, targets
        int32, shapes (3, n) and (3, m), sorted by brick.
    query_starts, query_low, query_high, target_starts, target_low, target_high
        The bricks, see :class:`~kdseg_training.metrics.numba_engine.bricks.Bricks`.
    spacing_mm
        Spacing along the array axes.
    squared_mm2
        Where to write the squared distances; shape (n,).
    """
    nearest_mm2 = np.empty(target_low.shape[1], np.float64)
    last = 0
    for b in range(query_low.shape[1]):
        reach = _bound_bricks(query_low[:, b], query_high[:, b], target_low, target_high, spacing_mm, nearest_mm2)
        candidates = np.flatnonzero(nearest_mm2 <= reach)
        candidates = candidates[np.argsort(nearest_mm2[candidates])]
        for q in range(query_starts[b], query_starts[b + 1]):
            i, j, k = queries[0, q], queries[1, q], queries[2, q]
            best = _smallest_squared_mm2(targets, last, last + 1, i, j, k, spacing_mm)
            for t in candidates:
                if nearest_mm2[t] >= best:
                    break
                if _distance_to_box_mm2(queries[:, q], target_low[:, t], target_high[:, t], spacing_mm) >= best:
                    continue
                first, end = target_starts[t], target_starts[t + 1]
                smallest = _smallest_squared_mm2(targets, first, end, i, j, k, spacing_mm)
                if smallest < best:
                    best = smallest
                    for r in range(first, end):
                        if _smallest_squared_mm2(targets, r, r + 1, i, j, k, spacing_mm) <= smallest:
                            last = r
                            break
            squared_mm2[q] = best
