"""The network over the whole image, tile by tile, giving finished logits slab by slab."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import Executor
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.accumulator import Accumulator, Slab
from kdseg.inference.engine import Engine
from kdseg.inference.gaussian import gaussian_weights
from kdseg.inference.strips import Strip, tiles_computed
from kdseg.inference.tiling import TileGrid
from kdseg.progress import Monitor, Stage

Float32Array = npt.NDArray[np.float32]


def flip_combinations(mirroring_axes: Optional[Sequence[int]]) -> List[Tuple[int, ...]]:
    """Return the axes to flip in each pass, the unflipped pass first, in nnU-Net's order."""
    axes = tuple(mirroring_axes or ())
    return [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]


def predict_patch(
    engine: Engine, patch: Float32Array, flips: Sequence[Tuple[int, ...]], check: Callable[[], None]
) -> Float32Array:
    """Return the logits of a patch, averaged over flipped copies.

    Parameters
    ----------
    engine
        Runs the network.
    patch
        Array of shape (channel, …spatial).
    flips
        From :func:`flip_combinations`; spatial axes, 0 is the first after the channel.
    check
        Called before every pass; raises to cancel.
    """
    total: Optional[Float32Array] = None
    for axes in flips:
        check()
        shifted = tuple(a + 1 for a in axes)
        logits = np.flip(engine.run(np.ascontiguousarray(np.flip(patch, shifted))), shifted)
        if len(flips) == 1:
            return logits
        total = logits.copy() if total is None else np.add(total, logits, out=total)
    if total is None:
        raise ValueError("flips: expected at least one pass")
    total /= len(flips)
    return total


class SlidingWindow:
    """Predicts an image in nnU-Net's tile order.

    Parameters
    ----------
    engine
        Runs the network on one tile.
    grid, strips
        From :func:`kdseg.inference.tiling.plan_tiles` and :func:`kdseg.inference.strips.cut_strips`.
    heads
        Channels of the logits.
    flips
        From :func:`flip_combinations`.
    two_dimensional
        Whether the network takes slices.
    pool
        Threads for the sums.
    monitor
        Told of every tile and asked before it; collects the time of the network.
    """

    def __init__(
        self,
        engine: Engine,
        grid: TileGrid,
        strips: Sequence[Strip],
        *,
        heads: int,
        flips: Sequence[Tuple[int, ...]],
        two_dimensional: bool,
        pool: Executor,
        monitor: Monitor,
    ) -> None:
        self._engine, self._grid, self._strips = engine, grid, list(strips)
        self._heads, self._flips, self._flat = heads, list(flips), two_dimensional
        self._pool, self._monitor = pool, monitor
        self._done, self._total = 0, tiles_computed(grid, self._strips) * len(self._flips)

    def slabs(self, image: Float32Array) -> Iterator[Slab]:
        """Yield finished slabs of an image of shape (channel, z, y, x), strip after strip, each from its first plane on.

        A slab's arrays are valid until the next one is asked for.
        """
        padded = self._pad(image)
        tile = self._grid.tile
        weights = gaussian_weights(tile[1:] if self._flat else tile).reshape(tile)
        planes = self._grid.starts[0]
        for strip in self._strips:
            sums = Accumulator(self._grid, strip, self._heads, weights, self._pool)
            for plane, following in zip(planes, (*planes[1:], self._grid.padded_shape[0])):
                for row, column in itertools.product(strip.tile_starts, self._grid.starts[2]):
                    self._add_tile(sums, padded, (plane, row, column))
                yield sums.finished(following)
                if following != self._grid.padded_shape[0]:
                    sums.advance(following)
            del sums

    def _add_tile(self, sums: Accumulator, padded: Float32Array, start: Tuple[int, int, int]) -> None:
        began = time.perf_counter()
        z, y, x = (slice(s, s + t) for s, t in zip(start, self._grid.tile))
        patch = padded[:, z, y, x]
        logits = predict_patch(self._engine, patch[:, 0] if self._flat else patch, self._flips, self._check)
        sums.add(start, logits[:, None] if self._flat else logits)
        self._monitor.add_seconds(Stage.NETWORK, time.perf_counter() - began)
        self._monitor.report(Stage.NETWORK, self._done / self._total)

    def _check(self) -> None:
        """Tell the share of passes that are done; called before each pass."""
        self._monitor.report(Stage.NETWORK, self._done / self._total)
        self._done += 1

    def _pad(self, image: Float32Array) -> Float32Array:
        grid = self._grid
        missing = [p - n for p, n in zip(grid.padded_shape, grid.image_shape)]
        if not any(missing):
            return image
        widths = [(b, m - b) for b, m in zip(grid.padding_before, missing)]
        return np.pad(image, [(0, 0), *widths])
