"""The passes for one patch, against the averages written out."""

from __future__ import annotations

import itertools
from typing import Optional, Tuple

import numpy as np
import pytest

from kdseg.bundle.onnx_split import SplitNetwork
from kdseg.inference.passes import Passes, flip_combinations
from kdseg.network import LogitsEngine, Network, for_both_sides
from kdseg.sides import SideExchange

HEADS, FEATURES, SHAPE = 4, 3, (4, 5, 6)
OTHER = (0, 3, 2, 1)
RNG = np.random.default_rng(0)
LAYER = SplitNetwork(b"", RNG.standard_normal((HEADS, FEATURES), np.float32), RNG.standard_normal(HEADS, np.float32))
FACTOR = RNG.standard_normal((FEATURES, *SHAPE), np.float32)
PATCH = RNG.standard_normal((1, *SHAPE), np.float32)


class Trunk:
    """Features that depend on where in the patch a voxel lies, so that a forgotten flip shows; overwritten by the next call."""

    def __init__(self, channels: int = FEATURES) -> None:
        self.calls = 0
        self.output = np.empty((channels, *SHAPE), np.float32)

    def run(self, patch: np.ndarray) -> np.ndarray:
        assert patch.flags.c_contiguous
        self.calls += 1
        self.output[...] = self.answer(patch)
        return self.output

    def answer(self, patch: np.ndarray) -> np.ndarray:
        return FACTOR * patch + patch**2


def logits(patch: np.ndarray) -> np.ndarray:
    return np.einsum("hf,fzyx->hzyx", LAYER.weights, FACTOR * patch + patch**2) + LAYER.bias[:, None, None, None]


class Whole(Trunk):
    def answer(self, patch: np.ndarray) -> np.ndarray:
        return logits(patch)


def expected(axes: Tuple[int, ...], exchange: Optional[SideExchange]) -> np.ndarray:
    """Average all passes in double precision, each flipped back and, where the sides are exchanged, read class by class."""
    found = []
    for flips in itertools.product(*((False, True) for _ in axes)):
        chosen = [a + 1 for a, flip in zip(axes, flips) if flip]
        found.append(np.flip(logits(np.flip(PATCH, chosen)), chosen).astype(np.float64))
        if exchange is not None:
            also = [*chosen, exchange.axis + 1]
            there = np.flip(logits(np.flip(PATCH, also)), also)
            found.append(np.stack([there[exchange.classes[c]] for c in range(HEADS)]).astype(np.float64))
    return np.mean(found, axis=0)


@pytest.mark.parametrize("exchange", [None, SideExchange(OTHER), SideExchange(OTHER, axis=1)], ids=["plain", "x", "y"])
@pytest.mark.parametrize("axes", [(), (0,), (0, 2), (0, 1, 2)], ids=str)
def test_the_logits_are_the_average_of_all_passes(axes: Tuple[int, ...], exchange: Optional[SideExchange]) -> None:
    axes = tuple(a for a in axes if exchange is None or a != exchange.axis)
    network, passes = Whole(HEADS), Passes(axes, exchange)
    checks = []
    found = passes.run(network, PATCH, lambda: checks.append(1))
    np.testing.assert_allclose(found, expected(axes, exchange), rtol=0, atol=1e-5)
    assert network.calls == passes.count == len(checks) == 2 ** len(axes) * (2 if exchange else 1)


@pytest.mark.parametrize("axes", [(), (0, 1)], ids=str)
def test_features_of_both_sides_give_the_same_logits_with_the_layer_for_both(axes: Tuple[int, ...]) -> None:
    exchange, trunk = SideExchange(OTHER), Trunk()
    both = for_both_sides(Network(b"", FEATURES, LAYER), exchange)
    found = Passes(axes, exchange, features=True).run(trunk, PATCH, lambda: None)
    assert len(found) == both.channels == 2 * FEATURES

    class Given:
        def run(self, patch: np.ndarray) -> np.ndarray:
            return found

    np.testing.assert_allclose(LogitsEngine(Given(), both).run(PATCH), expected(axes, exchange), rtol=0, atol=1e-5)
    before = found.copy()
    found[...] = np.nan
    again = Passes(axes, exchange, features=True).run(trunk, PATCH, lambda: None, found)
    assert again is found, "memory of an earlier patch is used again"
    np.testing.assert_array_equal(again, before)


def test_a_network_that_runs_whole_stays_as_it_is() -> None:
    whole = Network(b"model", HEADS)
    assert for_both_sides(whole, SideExchange(OTHER)) is whole


def test_flips_come_in_the_order_of_nnunet() -> None:
    assert flip_combinations((0, 1, 2)) == [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert flip_combinations(None) == [()]
