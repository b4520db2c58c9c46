"""The last layer applied block by block, against the same sum written down with NumPy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kdseg.inference import head_sum
from kdseg.inference.head_sum import HeadSum


def by_numpy(sums, features, weights, layer, bias):
    logits = np.einsum("hf,fzyx->hzyx", layer.astype(np.float64), features.astype(np.float64)) + bias[:, None, None, None]
    return (sums.astype(np.float64) + logits * weights).astype(np.float32).astype(np.float16)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.mark.parametrize("elements", [1, 64, 2**17], ids=["row by row", "some rows", "whole planes"])
def test_small_whole_numbers_give_the_same_bits_for_every_cut(elements, pool, monkeypatch):
    """With small integers no product and no sum is rounded, whatever the order."""
    monkeypatch.setattr(head_sum, "BLOCK_ELEMENTS", elements)
    rng = np.random.default_rng(0)
    layer, bias = rng.integers(-3, 4, (7, 4)).astype(np.float32), rng.integers(-3, 4, 7).astype(np.float32)
    features, weights = rng.integers(-4, 5, (4, 3, 5, 6)).astype(np.float32), rng.integers(1, 9, (3, 5, 6)).astype(np.float32)
    sums = rng.integers(-50, 51, (7, 3, 5, 6)).astype(np.float16)
    expected = by_numpy(sums, features, weights, layer, bias)
    HeadSum(layer, bias).add_tile(sums, features, weights, pool)
    np.testing.assert_array_equal(sums, expected)


def test_real_numbers_differ_by_one_step_of_half_precision_at_most(pool):
    rng = np.random.default_rng(1)
    layer, bias = rng.standard_normal((20, 8)).astype(np.float32), rng.standard_normal(20).astype(np.float32)
    features = rng.standard_normal((8, 6, 20, 30)).astype(np.float32)
    weights = rng.uniform(0, 10, (6, 20, 30)).astype(np.float16).astype(np.float32)
    sums = rng.standard_normal((20, 6, 20, 30)).astype(np.float16)
    expected = by_numpy(sums, features, weights, layer, bias)
    HeadSum(layer, bias).add_tile(sums, features, weights, pool)
    assert (sums != expected).mean() < 0.002
    np.testing.assert_allclose(sums.astype(np.float64), expected.astype(np.float64), rtol=2.0**-10, atol=1e-4)


def test_views_are_changed_in_place_and_nothing_beside_them(pool):
    rng = np.random.default_rng(2)
    whole = rng.integers(-5, 6, (3, 5, 6, 7)).astype(np.float16)
    before, box = whole.copy(), np.s_[:, 1:4, 2:5, 3:6]
    layer, bias = rng.integers(-3, 4, (3, 2)).astype(np.float32), rng.integers(-3, 4, 3).astype(np.float32)
    features, weights = rng.integers(-4, 5, (2, 3, 3, 9)).astype(np.float32)[..., 3:6], np.ones((3, 3, 3), np.float32)
    HeadSum(layer, bias).add_tile(whole[box], features, weights, pool)
    np.testing.assert_array_equal(whole[box], by_numpy(before[box], features, weights, layer, bias))
    whole[box] = before[box]
    np.testing.assert_array_equal(whole, before)
