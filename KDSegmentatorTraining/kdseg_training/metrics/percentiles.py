"""Percentiles of surface distances, without sorting or even building the part that is zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.distances import DirectedDistances, WeightedDistances

TIE = 1e-9
"""Relative closeness of a cumulated weight to the wanted one where rounding decides.

The sum is then repeated in the order in which surface-distance adds.
"""

_BINS = 2048


def weighted_percentile_mm(weighted: WeightedDistances, percent: float) -> float:
    """Return the smallest distance whose cumulated weight reaches ``percent`` of the total, in mm.

    The rule of DeepMind's ``compute_robust_hausdorff``; the 100th percentile is the largest distance.

    Parameters
    ----------
    weighted
        Distances of one direction.
    percent
        Above 0, at most 100.
    """
    distances, own, largest = weighted.distances_mm, weighted.own, weighted.largest_mm
    at_zero, total = weighted.at_zero, weighted.total
    if percent >= 100.0 or largest == 0.0:
        return largest
    goal = percent / 100.0 * total
    if abs(at_zero - goal) < TIE * total:
        return _percentile_in_reference_order(weighted.directed, weighted.weights, percent)
    if at_zero > goal:
        return 0.0
    bins = (distances * (_BINS / largest)).astype(np.int64)
    cumulated = at_zero + np.cumsum(np.bincount(bins, weights=own))
    chosen = min(int(np.searchsorted(cumulated, goal * (1.0 - TIE))), len(cumulated) - 1)
    inside = bins == chosen
    candidates, candidate_weights = distances[inside], own[inside]
    order = np.argsort(candidates, kind="stable")
    before = float(cumulated[chosen - 1]) if chosen else at_zero
    steps = before + np.cumsum(candidate_weights[order])
    if np.abs(steps - goal).min(initial=abs(before - goal)) < TIE * total:
        return _percentile_in_reference_order(weighted.directed, weighted.weights, percent)
    return float(candidates[order[min(int(np.searchsorted(steps, goal)), len(order) - 1)]])


def _percentile_in_reference_order(directed: DirectedDistances, weights: npt.NDArray[np.float64], percent: float) -> float:
    """Return the percentile with the additions in surface-distance's own order, so that a tie falls on the same side."""
    distances = np.concatenate([np.zeros(int(directed.coincident.sum())), directed.distances_mm])
    own = np.concatenate([np.repeat(weights, directed.coincident), weights[directed.codes]])
    order = np.lexsort((own, distances))
    distances, own = distances[order], own[order]
    place = int(np.searchsorted(np.cumsum(own) / np.sum(own), percent / 100.0))
    return float(distances[min(place, len(distances) - 1)])


def interpolated_percentile_mm(directed: DirectedDistances, percent: float) -> float:
    """Return the percentile of unweighted distances with linear interpolation (NumPy's default), in mm."""
    zeros = int(directed.coincident.sum())
    count = zeros + len(directed.distances_mm)
    rank = (count - 1) * percent / 100.0
    low = int(np.floor(rank))
    high = min(low + 1, count - 1)
    wanted = sorted({place - zeros for place in (low, high) if place >= zeros})
    if not wanted:
        return 0.0
    ordered = np.partition(directed.distances_mm, wanted)
    below = float(ordered[low - zeros]) if low >= zeros else 0.0
    above = float(ordered[high - zeros]) if high >= zeros else 0.0
    return below + (above - below) * (rank - low)
