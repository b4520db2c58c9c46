"""Sums in half precision against NumPy's own conversions, which are written in plain C."""

from __future__ import annotations

import numpy as np
import pytest

from kdseg.inference.half_sum import HalfSum


def by_numpy(sums, logits, weights):
    with np.errstate(over="ignore"):
        return (sums.astype(np.float32) + logits * weights).astype(np.float16)


def bits(array):
    return array.view(np.uint16)


@pytest.fixture(scope="module")
def half_sum():
    return HalfSum()


def test_every_finite_half_plus_numbers_of_every_size(half_sum):
    sums = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    sums = sums[np.isfinite(sums)].reshape(1, 1, -1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        logits = (rng.standard_normal(sums.shape) * 10.0 ** rng.uniform(-10, 5, sums.shape)).astype(np.float32)
        weights = rng.uniform(0, 10, sums.shape).astype(np.float16).astype(np.float32)
        total = sums.copy()
        half_sum.add(total, logits, weights)
        assert np.array_equal(bits(total), bits(by_numpy(sums, logits, weights)))


def test_ties_go_to_even(half_sum):
    # Between 2048 and 4096 halves lie 2 apart: 2048 + 1 is a tie and stays even, 2050 + 1 is a tie and goes up to 2052.
    sums = np.float16([[[2048, 2050, 2048, 2050]]])
    half_sum.add(sums, np.float32([[[1, 1, 1.001, 0.999]]]), np.ones((1, 1, 4), np.float32))
    assert sums.ravel().tolist() == [2048, 2052, 2050, 2050]


def test_views_are_changed_in_place_and_nothing_beside_them(half_sum):
    rng = np.random.default_rng(1)
    whole = rng.standard_normal((5, 6, 7)).astype(np.float16)
    before = whole.copy()
    box = np.s_[1:4, 2:5, 3:6]
    logits, weights = rng.standard_normal((2, 3, 9, 3)).astype(np.float32)[:, :, 3:6]
    half_sum.add(whole[box], logits, weights)
    assert np.array_equal(bits(whole[box]), bits(by_numpy(before[box], logits, weights)))
    whole[box] = before[box]
    assert np.array_equal(whole, before)
