"""Weighted sums of tile logits in half precision, kept only as long as a tile can still change them."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterator, Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.strips import Strip
from kdseg.inference.tiling import TileGrid

HalfArray = npt.NDArray[np.float16]


class TileSum(Protocol):
    """Adds what the network said about a tile to sums: :class:`kdseg.inference.half_sum.HalfSum` or ``HeadSum``."""

    def add_tile(
        self, sums: HalfArray, tile: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], pool: Executor
    ) -> None:
        """Add a tile in place.

        Parameters
        ----------
        sums
            Shape (head, z, y, x), perhaps a view.
        tile
            The network's output, shape (channel, z, y, x).
        weights
            Gaussian weights, shape (z, y, x).
        pool
            Runs parts of it in parallel.
        """
        ...


@dataclass(frozen=True)
class Slab:
    """Finished sums of a range of planes and rows, in the coordinates of the image without padding.

    Attributes
    ----------
    first_plane, first_row
        Where the slab begins.
    sums
        Gaussian-weighted sums of logits, half precision, shape (head, plane, row, column).
    weights
        Sums of the Gaussian weights, half precision, shape (plane, row, column). Sum divided by weight is the logit.
    """

    first_plane: int
    first_row: int
    sums: HalfArray
    weights: HalfArray


class Accumulator:
    """Sums over the tiles of one strip, a moving window along axis 0.

    nnU-Net keeps sums of the whole image in half precision: every tile's logits are multiplied by the weights and added in
    single precision, then rounded to half. The same is done here in the same order, so the sums are the same bits; but only
    the planes that a later tile can still reach are kept.

    Parameters
    ----------
    grid, strip
        The tiles.
    heads
        Channels of the logits.
    weights
        Gaussian weights of one tile, half precision.
    tile_sum
        Adds a tile.
    pool
        For ``tile_sum``.
    """

    def __init__(
        self, grid: TileGrid, strip: Strip, heads: int, weights: HalfArray, *, tile_sum: TileSum, pool: Executor
    ) -> None:
        depth, width = grid.tile[0], grid.padded_shape[2]
        self._grid, self._strip, self._pool = grid, strip, pool
        self._tile_weights = weights
        self._tile_weights_single = weights.astype(np.float32)
        self._sums = np.zeros((heads, depth, strip.rows, width), dtype=np.float16)
        self._weights = np.zeros((depth, strip.rows, width), dtype=np.float16)
        self._tile_sum = tile_sum
        self._first = 0

    def add(self, start: Tuple[int, int, int], tile: npt.NDArray[np.float32]) -> None:
        """Add the network's output for a tile; its start along axis 0 must be that of the window."""
        _, row, column = start
        low, high = self._strip.clip(row, self._grid.tile[1])
        inside = slice(low - row, high - row)
        target = (
            slice(None),
            slice(low - self._strip.start, high - self._strip.start),
            slice(column, column + self._grid.tile[2]),
        )

        weights = self._tile_weights_single[:, inside]
        self._tile_sum.add_tile(self._sums[(slice(None), *target)], tile[:, :, inside], weights, self._pool)
        self._weights[target] += self._tile_weights[:, inside]

    def finished(self, next_start: int) -> Iterator[Slab]:
        """Yield the planes before ``next_start``, which no later tile reaches; views that :meth:`advance` ends."""
        before = self._grid.padding_before
        planes = self._grid.inside_image(0, self._first, next_start)
        rows = self._grid.inside_image(1, self._strip.start, self._strip.stop)
        inside = (
            slice(planes.start - self._first, planes.stop - self._first),
            slice(rows.start - self._strip.start, rows.stop - self._strip.start),
            slice(before[2], before[2] + self._grid.image_shape[2]),
        )
        yield Slab(planes.start - before[0], rows.start - before[1], self._sums[(slice(None), *inside)], self._weights[inside])

    def advance(self, next_start: int) -> None:
        """Move the window to ``next_start`` and forget the planes before."""
        kept = self._grid.tile[0] - (next_start - self._first)
        for array in (*self._sums, self._weights):
            array[:kept] = array[array.shape[0] - kept :].copy()
            array[kept:] = 0
        self._first = next_start


def window_bytes(grid: TileGrid, strips: Sequence[Strip], heads: int) -> int:
    """Return the memory of the sums and their weights for the highest strip, in bytes."""
    return 2 * (heads + 1) * grid.tile[0] * max(s.rows for s in strips) * grid.padded_shape[2]
