"""Features of the tiles, kept as long as they are needed; sums are formed slab by slab, when nothing can change them any more.

With many classes the features of all tiles that reach into the window take less memory than the sums of all classes
(:class:`kdseg.inference.accumulator.Accumulator`): a student with 8 features needs 32 bytes for each voxel of a tile, 114
classes need 228 for each voxel of the window. The sums are the same bits, because every voxel's tiles are added in the same
order.
"""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.accumulator import HalfArray, Slab
from kdseg.inference.head_sum import BLOCK_ELEMENTS, HeadSum
from kdseg.inference.strips import Strip
from kdseg.inference.tiling import TileGrid

Float32Array = npt.NDArray[np.float32]

SLAB_BYTES = 64 * 1024**2
"""Sums of one slab, in bytes, unless two planes need more."""


@dataclass(frozen=True)
class _Tile:
    """What is kept of a tile: its part inside the strip.

    ``start`` is in the padded grid; ``features`` has the shape (feature, z, y, x), the Gaussian weights (z, y, x).
    """

    start: Tuple[int, int, int]
    features: Float32Array
    weights: HalfArray
    weights_single: Float32Array

    def over(self, plane: int, rows: range) -> Tuple[slice, slice, Tuple[int, slice]]:
        """Return where the tile and rows of a plane meet: rows and columns of the padded grid, and the place in the tile."""
        _, height, width = self.weights.shape
        low, high = max(rows.start, self.start[1]), min(rows.stop, self.start[1] + height)
        inside = slice(low - self.start[1], max(low, high) - self.start[1])
        columns = slice(self.start[2], self.start[2] + width)
        return slice(low, max(low, high)), columns, (plane - self.start[0], inside)

    def reaches(self, plane: int) -> bool:
        return self.start[0] <= plane < self.start[0] + len(self.weights)


class FeatureWindow:
    """A window of tiles of one strip that moves along axis 0; takes the place of an accumulator.

    Parameters
    ----------
    grid, strip
        The tiles.
    heads
        Channels of the logits.
    weights
        Gaussian weights of one tile, half precision.
    head
        The last layer.
    pool
        Runs blocks of a slab in parallel.
    """

    def __init__(self, grid: TileGrid, strip: Strip, heads: int, weights: HalfArray, *, head: HeadSum, pool: Executor) -> None:
        self._grid, self._strip, self._heads, self._head, self._pool = grid, strip, heads, head, pool
        self._weights, self._weights_single = weights, weights.astype(np.float32)
        self._tiles: List[_Tile] = []
        self._first = 0

    def add(self, start: Tuple[int, int, int], tile: Float32Array) -> None:
        """Keep the features of a tile, shape (feature, z, y, x)."""
        plane, row, column = start
        low, high = self._strip.clip(row, self._grid.tile[1])
        inside = np.s_[:, low - row : high - row]
        features = tile[(slice(None), *inside)].copy()
        self._tiles.append(_Tile((plane, low, column), features, self._weights[inside], self._weights_single[inside]))

    def finished(self, next_start: int) -> Iterator[Slab]:
        """Yield the planes before ``next_start``, which no later tile reaches, in slabs; each is valid until the next."""
        planes = self._grid.inside_image(0, self._first, next_start)
        rows = self._grid.inside_image(1, self._strip.start, self._strip.stop)
        step = planes_per_slab(self._grid, self._heads)
        for low in planes[::step]:
            yield self._slab(range(low, min(low + step, planes.stop)), rows)

    def advance(self, next_start: int) -> None:
        """Move the window to ``next_start`` and forget the tiles before."""
        self._tiles = [tile for tile in self._tiles if tile.reaches(next_start)]
        self._first = next_start

    def _slab(self, planes: range, rows: range) -> Slab:
        before, width = self._grid.padding_before, self._grid.padded_shape[2]
        sums = np.zeros((self._heads, len(planes), len(rows), width), dtype=np.float16)
        weights = np.zeros(sums.shape[1:], dtype=np.float16)
        step = max(1, BLOCK_ELEMENTS // (self._heads * width))
        blocks = [(plane, range(row, min(row + step, rows.stop))) for plane in planes for row in rows[::step]]

        def fill(block: Tuple[int, range]) -> None:
            plane, part = block
            at = np.s_[plane - planes.start, part.start - rows.start : part.stop - rows.start]
            self._fill(sums[(slice(None), *at)], weights[at], plane, part)

        list(self._pool.map(fill, blocks))
        columns = slice(before[2], before[2] + self._grid.image_shape[2])
        return Slab(planes.start - before[0], rows.start - before[1], sums[..., columns], weights[..., columns])

    def _fill(self, sums: HalfArray, weights: HalfArray, plane: int, rows: range) -> None:
        """Add every tile to some rows of one plane, shapes (head, row, column) and (row, column), in the order of the tiles."""
        for tile in self._tiles:
            if not tile.reaches(plane):
                continue
            part, columns, inside = tile.over(plane, rows)
            if part.start == part.stop:
                continue
            at = (slice(part.start - rows.start, part.stop - rows.start), columns)
            features = tile.features[(slice(None), *inside)]
            self._head.add_block(sums[(slice(None), *at)], features, tile.weights_single[inside])
            weights[at] += tile.weights[inside]


def planes_per_slab(grid: TileGrid, heads: int) -> int:
    """Return the planes of a slab: the same for every strip, because strips hand on their edges slab by slab."""
    planes = SLAB_BYTES // (2 * heads * grid.padded_shape[1] * grid.padded_shape[2])
    return min(max(2, planes), grid.tile[0])


def window_bytes(grid: TileGrid, strips: Sequence[Strip], features: int, heads: int) -> int:
    """Return the memory of a window at its fullest, with one slab, in bytes."""
    starts, (depth, _, width) = grid.starts[0], grid.tile
    levels = max(bisect_right(starts, top) - bisect_right(starts, top - depth) for top in starts)
    rows = max(sum(min(s + grid.tile[1], p.stop) - max(s, p.start) for s in p.tile_starts) for p in strips)
    tiles = 4 * features * levels * depth * rows * len(grid.starts[2]) * width
    slab = 2 * (heads + 1) * planes_per_slab(grid, heads) * max(p.rows for p in strips) * grid.padded_shape[2]
    return tiles + slab
