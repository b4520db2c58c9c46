"""Half precision as integers, over every number there is."""

import numpy as np
import pytest

from kdseg.errors import EngineError
from kdseg.labelling.half_precision import CLOSE_KEYS, first_largest, keys_of, quotients

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = EVERY[np.isfinite(EVERY)]


def test_keys_sort_like_the_numbers():
    order = np.argsort(FINITE.astype(np.float32), kind="stable")
    keys = keys_of(FINITE)[order].astype(int)
    values = FINITE.astype(np.float32)[order]
    assert (np.sign(np.diff(keys)) == np.sign(np.diff(values))).all()


def test_both_zeros_have_one_key():
    assert keys_of(np.array([0.0, -0.0], np.float16)).tolist() == [0, 0]


def test_quotients_round_once():
    sums, weights = np.array([1.0, 65504.0], np.float16), np.array([3.0, 10.0], np.float16)
    assert quotients(sums, weights).tolist() == [np.float16(np.float32(1) / np.float32(3)), np.float16(6550.4)]


def test_the_lowest_of_equals_wins():
    head, _ = first_largest(np.array([[1.0], [2.0], [2.0]], np.float16), 10.0, np.uint8)
    assert head.tolist() == [1]


def test_a_lower_class_that_comes_close_is_told():
    a = np.float16(100.0)
    near = (a.view(np.int16) - CLOSE_KEYS).astype(np.int16).view(np.float16)
    far = (a.view(np.int16) - CLOSE_KEYS - 1).astype(np.int16).view(np.float16)
    sums = np.array([[near, far, a], [a, a, near]], np.float16)
    head, close = first_largest(sums, 10.0, np.uint8)
    assert head.tolist() == [1, 1, 0]
    assert close.tolist() == [True, False, False]


def test_sums_that_are_not_close_stay_apart_when_they_are_divided():
    rng = np.random.default_rng(0)
    larger = FINITE[(FINITE > 0) & (FINITE < 60000)]
    smaller = (larger.view(np.int16) - CLOSE_KEYS - 1).astype(np.int16)
    smaller = np.where(smaller < 0, 0, smaller).astype(np.int16).view(np.float16)
    for weight in np.concatenate([rng.choice(FINITE[FINITE > 1e-3], 200), np.array([10, 79.9, 0.5], np.float16)]):
        weight = np.full(larger.shape, weight, np.float16)
        usable = (larger / weight.astype(np.float32) < 65000) & (larger / weight.astype(np.float32) > 1e-4)
        gap = keys_of(quotients(larger[usable], weight[usable])).astype(int)
        gap -= keys_of(quotients(smaller[usable], weight[usable]))
        assert gap.min() >= 3


def test_a_quotient_beyond_half_precision_stops_the_run():
    with pytest.raises(EngineError, match="half precision"):
        quotients(np.array([60000.0], np.float16), np.array([0.5], np.float16))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_values_that_are_not_finite_stop_the_run(value):
    with pytest.raises(EngineError, match="half precision"):
        first_largest(np.array([[0.0], [value]], np.float16), 10.0, np.uint8)
