"""Where the tiles of the sliding window lie (``nnunetv2.inference.sliding_window_prediction``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Sequence, Tuple

Shape = Tuple[int, int, int]


def tile_starts(size: int, tile: int, step: float) -> List[int]:
    """Return the first voxel of every tile along one axis.

    Tiles are spread evenly with a distance of at most ``step · tile``; the last one ends at the border. ``size`` is at least
    ``tile``.
    """
    count = math.ceil((size - tile) / (tile * step)) + 1
    if count == 1:
        return [0]
    distance = (size - tile) / (count - 1)
    return [round(distance * i) for i in range(count)]


@dataclass(frozen=True)
class TileGrid:
    """The tiles over an image that is padded to at least one tile.

    Attributes
    ----------
    image_shape
        Shape of the image before padding.
    tile
        Shape of a tile; 1 along the slice axis for a two-dimensional network.
    starts
        First voxels along each axis, in the padded image.
    padding_before
        Voxels of padding in front of each axis; nnU-Net pads centred, with the odd voxel behind.
    padded_shape
        Shape after padding.
    """

    image_shape: Shape
    tile: Shape
    starts: Tuple[Tuple[int, ...], Tuple[int, ...], Tuple[int, ...]]
    padding_before: Shape
    padded_shape: Shape

    @property
    def count(self) -> int:
        """Number of tiles."""
        return math.prod(len(s) for s in self.starts)

    def inside_image(self, axis: int, start: int, stop: int) -> range:
        """Return which of the padded grid's voxels [start, stop) along an axis lie in the image."""
        before = self.padding_before[axis]
        return range(max(start, before), min(stop, before + self.image_shape[axis]))


def plan_tiles(image_shape: Sequence[int], patch_size: Sequence[int], step: float) -> TileGrid:
    """Lay tiles over an image of shape (z, y, x).

    ``patch_size`` has 3 values, or 2 for a network that sees the slices along the first axis one by one.
    """
    tile = _triple((1, *patch_size) if len(patch_size) == 2 else patch_size)
    image = _triple(image_shape)
    padded = _triple([max(n, t) for n, t in zip(image, tile)])
    starts = [tuple(tile_starts(n, t, step)) for n, t in zip(padded, tile)]
    if len(patch_size) == 2:
        starts[0] = tuple(range(padded[0]))
    before = _triple([(p - n) // 2 for p, n in zip(padded, image)])
    return TileGrid(image, tile, (starts[0], starts[1], starts[2]), before, padded)


def _triple(values: Sequence[int]) -> Shape:
    z, y, x = (int(v) for v in values)
    return z, y, x
