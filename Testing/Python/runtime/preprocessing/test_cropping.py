"""The non-zero box and mask."""

import numpy as np
from scipy import ndimage

from kdseg.preprocessing.cropping import nonzero_box, nonzero_mask


def test_the_box_holds_what_is_not_zero_in_any_channel():
    channels = np.zeros((2, 5, 6, 7))
    channels[0, 1, 2, 3] = 1
    channels[1, 3, 4, 3] = -1
    assert nonzero_box(channels) == (slice(1, 4), slice(2, 5), slice(3, 4))


def test_what_vanishes_in_single_precision_is_zero():
    channels = np.full((1, 4, 4, 4), 1e-60)
    channels[0, 1:3, 1:3, 1:3] = 5
    assert nonzero_box(channels) == (slice(1, 3),) * 3


def test_a_box_without_voxels_is_the_whole_grid():
    assert nonzero_box(np.zeros((1, 2, 3, 4))) == (slice(0, 2), slice(0, 3), slice(0, 4))


def test_the_box_is_that_of_the_filled_mask():
    rng = np.random.default_rng(0)
    for _ in range(20):
        channels = (rng.random((1, 9, 9, 9)) > 0.97).astype(float)
        filled = np.argwhere(ndimage.binary_fill_holes(channels[0] != 0))
        expected = tuple(slice(int(a), int(b) + 1) for a, b in zip(filled.min(0), filled.max(0)))
        assert nonzero_box(channels) == expected


def test_the_mask_is_filled_and_cropped():
    shell = np.ones((1, 5, 5, 5))
    shell[0, 2, 2, 2] = 0
    padded = np.pad(shell, [(0, 0), (1, 1), (1, 1), (1, 1)])
    assert nonzero_mask(padded, nonzero_box(padded)).all()
