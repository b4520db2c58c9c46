"""The moving window gives the very bits of nnU-Net's whole-image sums, written down here in the plainest way."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kdseg.bundle.onnx_split import SplitNetwork
from kdseg.errors import Cancelled, EngineError
from kdseg.inference import feature_window, head_sum
from kdseg.inference.gaussian import gaussian_weights
from kdseg.inference.passes import Passes
from kdseg.inference.sliding_window import SlidingWindow
from kdseg.inference.strips import cut_strips
from kdseg.inference.tiling import plan_tiles
from kdseg.inference.windows import Windows
from kdseg.progress import Monitor

HEADS = 3


class Network:
    """Stands for a network: depends on position inside the patch, so that flips and tile order show."""

    def __init__(self, spatial):
        rng = np.random.default_rng(1)
        self.factor = rng.standard_normal((HEADS, *spatial)).astype(np.float32)
        self.calls = 0

    def run(self, patch):
        self.calls += 1
        return self.factor * patch[:1] + patch[:1] ** 2


class Features:
    """A network without its last layer: small whole numbers, so that no sum in single precision is rounded."""

    layer = np.random.default_rng(2).integers(-3, 4, (HEADS, 2)).astype(np.float32)
    bias = np.float32([1, -2, 3])

    def __init__(self, spatial):
        self.factor = np.random.default_rng(3).integers(-3, 4, (2, *spatial)).astype(np.float32)

    def run(self, patch):
        return self.factor * patch[:1]


class LogitsOf(Features):
    """The whole network that belongs to it."""

    def run(self, patch):
        features = super().run(patch)
        return np.einsum("hf,f...->h...", self.layer, features) + self.bias.reshape(-1, *(1,) * (features.ndim - 1))


def whole_image_sums(image, network, grid, mirroring):
    """nnU-Net's loop over tiles with half-precision arrays of the whole image."""
    flat = grid.tile[0] == 1
    weights = gaussian_weights(grid.tile[1:] if flat else grid.tile).reshape(grid.tile)
    missing = [p - n for p, n in zip(grid.padded_shape, grid.image_shape)]
    padded = np.pad(image, [(0, 0), *((m // 2, m - m // 2) for m in missing)])
    sums = np.zeros((HEADS, *grid.padded_shape), np.float16)
    counts = np.zeros(grid.padded_shape, np.float16)
    for start in itertools.product(*grid.starts):
        box = tuple(slice(s, s + t) for s, t in zip(start, grid.tile))
        patch = padded[(slice(None), *box)]
        patch = patch[:, 0] if flat else patch
        passes = [()] + [c for n in range(len(mirroring)) for c in itertools.combinations(mirroring, n + 1)]
        logits = None
        for axes in passes:
            at = tuple(a + 1 for a in axes)
            one = np.flip(network.run(np.flip(patch, at)), at)
            logits = one.copy() if logits is None else logits + one
        logits = logits / np.float32(len(passes)) if len(passes) > 1 else logits
        logits = logits.reshape(HEADS, *grid.tile) * weights.astype(np.float32)
        at = (slice(None), *box)
        sums[at] = (sums[at].astype(np.float32) + logits).astype(np.float16)
        counts[box] = (counts[box].astype(np.float32) + weights.astype(np.float32)).astype(np.float16)
    inside = tuple(slice(m // 2, m // 2 + n) for m, n in zip(missing, grid.image_shape))
    return sums[(slice(None), *inside)], counts[inside]


def collect(window, image, shape):
    sums, counts = np.full((HEADS, *shape), np.nan, np.float16), np.full(shape, np.nan, np.float16)
    for slab in window.slabs(image):
        box = (
            slice(slab.first_plane, slab.first_plane + slab.weights.shape[0]),
            slice(slab.first_row, slab.first_row + slab.weights.shape[1]),
        )
        assert np.isnan(counts[box]).all(), "a voxel was handed out twice"
        sums[(slice(None), *box)], counts[box] = slab.sums, slab.weights
    return sums, counts


def assert_same_bits(network, image, grid, expected, strips, mirroring, last_layer, keep_features):
    with ThreadPoolExecutor(2) as pool:
        window = SlidingWindow(
            network,
            grid,
            cut_strips(grid, strips),
            windows=Windows(HEADS, last_layer, keep_features, pool),
            passes=Passes(mirroring or None, features=last_layer is not None),
            two_dimensional=grid.tile[0] == 1,
            monitor=Monitor(),
        )
        found = collect(window, image, grid.image_shape)
    np.testing.assert_array_equal(found[0].view(np.uint16), expected[0].view(np.uint16))
    np.testing.assert_array_equal(found[1].view(np.uint16), expected[1].view(np.uint16))


@pytest.mark.parametrize("strips", [1, 2, 3])
@pytest.mark.parametrize("mirroring", [(), (0, 2)])
@pytest.mark.parametrize(
    ("shape", "patch"),
    [((20, 30, 18), (8, 12, 8)), ((5, 26, 7), (8, 12, 8)), ((4, 21, 19), (12, 8))],
    ids=["3d", "padded", "2d"],
)
def test_the_bits_are_those_of_whole_image_sums(shape, patch, mirroring, strips):
    mirroring = tuple(a for a in mirroring if a < len(patch))
    image = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
    grid = plan_tiles(shape, patch, 0.5)
    expected = whole_image_sums(image, Network(patch), grid, mirroring)
    assert_same_bits(Network(patch), image, grid, expected, strips, mirroring, None, False)


@pytest.mark.parametrize("keep_features", [False, True], ids=["sums", "features"])
@pytest.mark.parametrize("strips", [1, 3])
@pytest.mark.parametrize("mirroring", [(), (0, 1)])
@pytest.mark.parametrize(
    ("shape", "patch"),
    [((20, 30, 18), (8, 12, 8)), ((5, 26, 7), (8, 12, 8)), ((4, 21, 19), (12, 8))],
    ids=["3d", "padded", "2d"],
)
@pytest.mark.parametrize("slab_bytes", [1, 2**27], ids=["thin slabs", "thick slabs"])
def test_a_last_layer_that_comes_later_gives_the_same_bits(
    shape, patch, mirroring, strips, keep_features, slab_bytes, monkeypatch
):
    monkeypatch.setattr(feature_window, "SLAB_BYTES", slab_bytes)
    monkeypatch.setattr(head_sum, "BLOCK_ELEMENTS", 200)
    image = np.random.default_rng(0).integers(-4, 5, (1, *shape)).astype(np.float32)
    grid = plan_tiles(shape, patch, 0.5)
    expected = whole_image_sums(image, LogitsOf(patch), grid, mirroring)
    last = SplitNetwork(b"", Features.layer, Features.bias)
    assert_same_bits(Features(patch), image, grid, expected, strips, mirroring, last, keep_features)


def test_cancelling_stops_before_the_next_pass():
    network, answers = Network((8, 8, 8)), iter([False] * 3 + [True] * 99)
    grid = plan_tiles((8, 16, 16), (8, 8, 8), 0.5)
    with ThreadPoolExecutor(1) as pool, pytest.raises(Cancelled):
        window = SlidingWindow(
            network,
            grid,
            cut_strips(grid, 1),
            windows=Windows(HEADS, None, False, pool),
            passes=Passes(),
            two_dimensional=False,
            monitor=Monitor(cancel=lambda: next(answers)),
        )
        list(window.slabs(np.zeros((1, 8, 16, 16), np.float32)))
    assert network.calls == 2


@pytest.mark.parametrize("last", [None, SplitNetwork(b"", Features.layer[:, :1], Features.bias)], ids=["whole", "split"])
def test_an_output_with_other_channels_is_refused(last):
    grid = plan_tiles((8, 8, 8), (8, 8, 8), 0.5)
    with ThreadPoolExecutor(1) as pool, pytest.raises(EngineError, match="channels"):
        window = SlidingWindow(
            Features((8, 8, 8)),
            grid,
            cut_strips(grid, 1),
            windows=Windows(HEADS, last, last is not None, pool),
            passes=Passes(),
            two_dimensional=False,
            monitor=Monitor(),
        )
        list(window.slabs(np.zeros((1, 8, 8, 8), np.float32)))


def test_cancelling_stops_between_slabs(monkeypatch):
    """Slabs are formed after the passes, and with many classes each takes a while."""
    monkeypatch.setattr(feature_window, "SLAB_BYTES", 1)
    stop, grid = [], plan_tiles((8, 8, 8), (8, 8, 8), 0.5)
    with ThreadPoolExecutor(1) as pool:
        window = SlidingWindow(
            Features((8, 8, 8)),
            grid,
            cut_strips(grid, 1),
            windows=Windows(HEADS, SplitNetwork(b"", Features.layer, Features.bias), True, pool),
            passes=Passes(),
            two_dimensional=False,
            monitor=Monitor(cancel=lambda: bool(stop)),
        )
        slabs = window.slabs(np.zeros((1, 8, 8, 8), np.float32))
        assert next(slabs).weights.shape == (2, 8, 8)
        stop.append("now")
        with pytest.raises(Cancelled):
            next(slabs)
