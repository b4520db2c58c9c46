"""Percentiles against the plain way: build everything, sort, accumulate."""

from __future__ import annotations

import numpy as np
import pytest

from kdseg_training.metrics.distances import DirectedDistances, WeightedDistances
from kdseg_training.metrics.percentiles import interpolated_percentile_mm, weighted_percentile_mm


def _random(rng) -> DirectedDistances:
    n = int(rng.integers(0, 60))
    coincident = np.zeros(256, np.int64)
    coincident[rng.integers(0, 256, 20)] = rng.integers(0, 5, 20)
    if n == 0:
        coincident[7] += 1
    return DirectedDistances(rng.integers(1, 12, n) * 0.7, rng.integers(1, 255, n).astype(np.uint8), coincident)


def _everything(directed: DirectedDistances, weights: np.ndarray):
    distances = np.concatenate([np.zeros(directed.coincident.sum()), directed.distances_mm])
    own = np.concatenate([np.repeat(weights, directed.coincident), weights[directed.codes]])
    order = np.argsort(distances, kind="stable")
    return distances[order], own[order]


@pytest.mark.parametrize("percent", [1, 50, 90, 95, 99.9, 100])
def test_weighted(percent) -> None:
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.1, 2.0, 256)
    for _ in range(100):
        directed = _random(rng)
        distances, own = _everything(directed, weights)
        reached = np.cumsum(own) >= percent / 100 * own.sum() * (1 - 1e-12)
        assert weighted_percentile_mm(WeightedDistances(directed, weights), percent) == distances[np.argmax(reached)]


def test_weighted_ties_fall_where_the_share_is_reached() -> None:
    """Four equal weights: exactly half of them is reached by the second."""
    directed = DirectedDistances(np.array([3.0, 1.0, 2.0]), np.full(3, 1, np.uint8), np.eye(1, 256, 1, dtype=np.int64)[0])
    weights = np.ones(256)
    assert [weighted_percentile_mm(WeightedDistances(directed, weights), p) for p in (25, 50, 75, 76)] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("percent", [1, 50, 90, 95, 99.9, 100])
def test_interpolated(percent) -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        directed = _random(rng)
        distances, _ = _everything(directed, np.ones(256))
        assert interpolated_percentile_mm(directed, percent) == pytest.approx(np.percentile(distances, percent), abs=1e-12)
