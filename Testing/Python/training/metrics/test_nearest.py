"""The offsets of the NumPy engine leave no gap, and its three searches give the distance transform's distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kdseg_training.metrics import nearest
from kdseg_training.metrics.nearest import near_offsets, nearest_distances_mm

SPACINGS_MM = ((1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (0.7, 0.7, 5.0))


@pytest.mark.parametrize("spacing_mm", SPACINGS_MM)
def test_the_offsets_are_all_steps_of_a_ball_nearest_first(spacing_mm) -> None:
    near = near_offsets(spacing_mm)
    largest_mm = near.distances_mm[-1]
    reach = [int(largest_mm / s) + 2 for s in spacing_mm]
    everywhere = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    in_the_ball = np.linalg.norm(everywhere * spacing_mm, axis=1) <= largest_mm * (1 + 1e-9)
    assert {tuple(step) for step in near.steps} == {tuple(step) for step in everywhere[in_the_ball]} - {(0, 0, 0)}
    assert np.all(np.diff(near.distances_mm) >= 0)
    np.testing.assert_allclose(near.distances_mm, np.linalg.norm(near.steps * spacing_mm, axis=1))
    starts = (0, *near.shells[:-1])
    assert all(len(set(near.distances_mm[a:b])) == 1 for a, b in zip(starts, near.shells))
    assert np.all(np.abs(near.steps[: near.shells[-1]]).max(axis=0) <= near.margin)


@pytest.mark.parametrize("spacing_mm", SPACINGS_MM)
@pytest.mark.parametrize("queries", [3, 5000])
@pytest.mark.parametrize("share", [0.1, 0.003, 0.0001])
def test_distances_are_those_of_the_distance_transform(spacing_mm, queries, share, monkeypatch) -> None:
    rng = np.random.default_rng(2)
    m0, m1, m2 = near_offsets(spacing_mm).margin
    targets = np.pad(rng.random((30, 34, 26)) < share, ((m0, m0), (m1, m1), (m2, m2)))
    inner = np.pad(np.ones((30, 34, 26), bool), ((m0, m0), (m1, m1), (m2, m2)))
    chosen = rng.permutation(np.flatnonzero(inner & ~targets))[:queries]
    expected = ndimage.distance_transform_edt(~targets, sampling=spacing_mm).ravel()[chosen]
    for look_ups in (0, nearest.LOOK_UPS_PER_TARGET, 10**9):  # only the tree for what is not near, a mixture, only offsets
        monkeypatch.setattr(nearest, "LOOK_UPS_PER_TARGET", look_ups)
        np.testing.assert_allclose(nearest_distances_mm(chosen, targets, spacing_mm, 1), expected, rtol=0, atol=1e-12)
