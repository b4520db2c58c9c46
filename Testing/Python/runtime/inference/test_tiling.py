"""Tiles, by hand."""

import pytest

from kdseg.inference.tiling import plan_tiles, tile_starts


@pytest.mark.parametrize(
    ("size", "tile", "step", "starts"),
    [
        (110, 64, 0.5, [0, 23, 46]),  # the example in nnU-Net's source
        (64, 64, 0.5, [0]),
        (65, 64, 0.5, [0, 1]),
        (128, 64, 1.0, [0, 64]),
        (7, 4, 0.5, [0, 2, 3]),  # 1.5 rounds half to even
    ],
)
def test_starts(size, tile, step, starts):
    assert tile_starts(size, tile, step) == starts


def test_a_small_image_is_padded_centred_with_the_odd_voxel_behind():
    grid = plan_tiles((5, 20, 9), (8, 8, 8), 0.5)
    assert grid.padded_shape == (8, 20, 9)
    assert grid.padding_before == (1, 0, 0)
    assert grid.starts == ((0,), (0, 4, 8, 12), (0, 1))
    assert grid.count == 8


def test_a_two_dimensional_network_sees_every_slice():
    grid = plan_tiles((3, 10, 10), (8, 8), 0.5)
    assert grid.tile == (1, 8, 8)
    assert grid.starts == ((0, 1, 2), (0, 2), (0, 2))
