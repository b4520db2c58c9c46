"""Cutting the grid into strips, so that the logits of only one strip are in memory.

A strip is a range of rows (axis 1) of the network's grid. The tiles that reach into a strip are computed for it in nnU-Net's
order, so every voxel collects the same sums as without strips; a tile across a border is computed once for each side, which
is the price in time. A border lies at the start of a tile, where the fewest tiles cross it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

from kdseg.inference.tiling import TileGrid


@dataclass(frozen=True)
class Strip:
    """Rows [start, stop) of the padded grid and the starts along axis 1 of the tiles that reach into them."""

    start: int
    stop: int
    tile_starts: Tuple[int, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    def clip(self, row: int, height: int) -> Tuple[int, int]:
        """Return the first row, and the row behind the last, of a tile's part inside the strip."""
        return max(row, self.start), min(row + height, self.stop)


def cut_strips(grid: TileGrid, count: int) -> List[Strip]:
    """Cut the rows of the padded grid into at most ``count`` strips of similar height with borders at tile starts."""
    size, tile = grid.padded_shape[1], grid.tile[1]
    candidates = grid.starts[1][1:]
    borders: List[int] = []
    for i in range(1, count):
        ideal = size * i / count
        free = [c for c in candidates if c not in borders and c > (borders[-1] if borders else 0)]
        if free:
            borders.append(min(free, key=lambda c: abs(c - ideal)))
    edges = [0, *borders, size]
    return [Strip(a, b, tuple(s for s in grid.starts[1] if s < b and s + tile > a)) for a, b in zip(edges[:-1], edges[1:])]


def tiles_computed(grid: TileGrid, strips: List[Strip]) -> int:
    """Return how many tiles are computed for all strips together."""
    return len(grid.starts[0]) * len(grid.starts[2]) * sum(len(s.tile_starts) for s in strips)
