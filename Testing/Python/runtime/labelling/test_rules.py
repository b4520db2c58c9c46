"""Labels equal nnU-Net's way: interpolate every class in float64, round to half precision, take the largest."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import ndimage
from skimage.transform import resize

import kdseg.labelling.painter as painter_module
from kdseg.inference.accumulator import Slab
from kdseg.labelling.axes import axis_maps
from kdseg.labelling.half_precision import keys_of, quotients
from kdseg.labelling.painter import LabelPainter
from kdseg.labelling.rules import REGION_KEY, label_rule
from kdseg.plans.model import LabelSystem, Resampling
from kdseg.progress import Monitor

LINEAR = Resampling(order=1, order_z=0, force_separate_z=None)
GRIDS = {
    "same grid": ((10, 12, 14), (10, 12, 14), (1, 1, 1), (1, 1, 1)),
    "enlarged": ((10, 12, 14), (21, 17, 30), (2, 2, 2), (1, 1.4, 0.9)),
    "reduced": ((20, 24, 28), (9, 11, 30), (1, 1, 1), (2.2, 2.2, 0.9)),
    "separate z": ((6, 12, 14), (11, 20, 30), (5, 2, 2), (2.7, 1.2, 0.9)),
    "separate x": ((14, 12, 6), (20, 17, 9), (2, 2, 9), (1.4, 1.4, 6)),
    "one plane": ((1, 12, 14), (3, 20, 30), (1, 2, 2), (0.9, 1.2, 0.9)),
}


def sums_and_weights(shape, heads, kind, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((heads, *shape))
    if kind == "smooth":
        logits = np.stack([ndimage.gaussian_filter(c, 2) * 40 for c in logits])
    if kind == "ties":
        logits = np.round(logits * 2) / 2
    if kind == "tiny":
        logits *= 1e-6
    weights = (rng.random(shape) * 9 + 0.1).astype(np.float16)
    if kind == "ties":
        weights[...] = 2
    return (logits * weights).astype(np.float16), weights


def plain_logits(sums, weights, shape, spacing, new_spacing):
    """nnU-Net's resampling of logits, with the functions it calls."""
    logits = quotients(sums, np.broadcast_to(weights, sums.shape))
    if sums.shape[1:] == shape:
        return logits
    coarse = [a for a in range(3) if spacing[a] == max(spacing)]
    if max(spacing) / min(spacing) > 3 and len(coarse) == 1:
        return np.stack([_separate(c.astype(float), shape, coarse[0]) for c in logits]).astype(np.float16)
    return np.stack([resize(c.astype(float), shape, 1, mode="edge", anti_aliasing=False) for c in logits]).astype(np.float16)


def _separate(channel, shape, axis):
    moved, target = np.moveaxis(channel, axis, 0), [n for a, n in enumerate(shape) if a != axis]
    slices = np.stack([resize(s, target, 1, mode="edge", anti_aliasing=False) for s in moved])
    coordinates = np.indices((shape[axis], *target)).astype(float)
    coordinates[0] = len(slices) / shape[axis] * (coordinates[0] + 0.5) - 0.5
    return np.moveaxis(ndimage.map_coordinates(slices, coordinates, order=0, mode="nearest"), 0, axis)


def paint(labels, sums, weights, grid, cuts=(), rows=()):
    network_shape, shape, spacing, new_spacing = grid
    target = np.zeros(shape, labels.dtype)
    with ThreadPoolExecutor(2) as pool:
        maps = axis_maps(network_shape, shape, spacing, new_spacing, LINEAR)
        painter = LabelPainter(target, maps, label_rule(labels), pool, Monitor())
        for r0, r1 in zip((0, *rows), (*rows, network_shape[1])):
            for p0, p1 in zip((0, *cuts), (*cuts, network_shape[0])):
                painter.add(Slab(p0, r0, sums[:, p0:p1, r0:r1], weights[p0:p1, r0:r1]))
    return target


def exclusive(heads):
    return LabelSystem(tuple((f"L{i}", (i,)) for i in range(1, heads)), heads=heads)


@pytest.mark.parametrize("kind", ["noise", "smooth", "ties", "tiny"])
@pytest.mark.parametrize("heads", [2, 7])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_exclusive_labels(grid, heads, kind):
    sums, weights = sums_and_weights(grid[0], heads, kind)
    expected = plain_logits(sums, weights, *grid[1:]).argmax(0)
    np.testing.assert_array_equal(paint(exclusive(heads), sums, weights, grid), expected)


@pytest.mark.parametrize("kind", ["noise", "smooth", "ties", "tiny"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_regions_are_painted_in_their_order(grid, kind):
    labels = LabelSystem((("whole", (1, 2, 3)), ("core", (2, 3)), ("inner", (3,))), heads=3, region_order=(2, 1, 3))
    sums, weights = sums_and_weights(grid[0], 3, kind)
    expected = np.zeros(grid[1], np.uint8)
    for head, value in zip(plain_logits(sums, weights, *grid[1:]).astype(np.float32), (2, 1, 3)):
        expected[1 / (1 + np.exp(-head)) > 0.5] = value
    np.testing.assert_array_equal(paint(labels, sums, weights, grid), expected)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_cutting_into_slabs_strips_and_blocks_changes_nothing(grid, monkeypatch):
    labels = exclusive(4)
    sums, weights = sums_and_weights(grid[0], 4, "noise")
    whole = paint(labels, sums, weights, grid)
    monkeypatch.setattr(painter_module, "BLOCK_BYTES", 1)
    planes = tuple(p for p in (1, 2, 5) if p < grid[0][0])
    np.testing.assert_array_equal(paint(labels, sums, weights, grid, planes, (3, 4, 9)), whole)


def test_empty_slabs_are_passed_over():
    grid = GRIDS["enlarged"]
    sums, weights = sums_and_weights(grid[0], 4, "noise")
    np.testing.assert_array_equal(
        paint(exclusive(4), sums, weights, grid, (0, 0, 5, 5), (4,)), paint(exclusive(4), sums, weights, grid)
    )


def test_the_region_threshold_is_that_of_a_single_precision_sigmoid():
    torch_like = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = torch_like[np.isfinite(torch_like)]
    with np.errstate(over="ignore"):
        inside = 1 / (1 + np.exp(-finite.astype(np.float32))) > 0.5
    np.testing.assert_array_equal(keys_of(finite) >= REGION_KEY, inside)


def test_more_than_254_labels_need_two_bytes():
    labels = exclusive(300)
    assert labels.dtype == "uint16"
    sums = np.zeros((300, 2, 2, 2), np.float16)
    sums[255, 0], sums[299, 1] = 5, 5
    grid = ((2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1))
    found = paint(labels, sums, np.ones((2, 2, 2), np.float16), grid)
    assert np.unique(found).tolist() == [255, 299]
