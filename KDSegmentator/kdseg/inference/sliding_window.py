"""The network over the whole image, tile by tile, giving finished sums of logits slab by slab."""

from __future__ import annotations

import itertools
import time
from typing import Iterator, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import EngineError
from kdseg.inference.accumulator import Slab
from kdseg.inference.engine import Engine
from kdseg.inference.gaussian import gaussian_weights
from kdseg.inference.passes import Passes
from kdseg.inference.strips import Strip, tiles_computed
from kdseg.inference.tiling import TileGrid
from kdseg.inference.windows import Window, Windows
from kdseg.progress import Monitor, Stage

Float32Array = npt.NDArray[np.float32]

PASSES_OF_20 = 19
"""Of twenty parts of the progress the passes are 19; the last one is the planes of which nothing is left to do."""


class SlidingWindow:
    """Predicts an image in nnU-Net's tile order.

    Parameters
    ----------
    engine
        Runs the network on one tile.
    grid, strips
        From :func:`kdseg.inference.tiling.plan_tiles` and :func:`kdseg.inference.strips.cut_strips`.
    windows
        Add up the tiles.
    passes
        The passes for each tile.
    two_dimensional
        Whether the network takes slices.
    monitor
        Told of every tile and asked before it and before every slab; collects the time of the network.
    """

    def __init__(
        self,
        engine: Engine,
        grid: TileGrid,
        strips: Sequence[Strip],
        *,
        windows: Windows,
        passes: Passes,
        two_dimensional: bool,
        monitor: Monitor,
    ) -> None:
        self._engine, self._grid, self._strips, self._windows = engine, grid, list(strips), windows
        self._passes, self._flat, self._monitor = passes, two_dimensional, monitor
        self._output: Optional[Float32Array] = None
        self._passes_done, self._passes_planned = 0, tiles_computed(grid, self._strips) * passes.count
        self._planes_done, self._planes = 0, grid.image_shape[0] * len(self._strips)

    def slabs(self, image: Float32Array) -> Iterator[Slab]:
        """Yield finished slabs of an image of shape (channel, z, y, x), strip after strip, each from its first plane on.

        A slab's arrays are valid until the next one is asked for.
        """
        padded = self._pad(image)
        tile = self._grid.tile
        weights = gaussian_weights(tile[1:] if self._flat else tile).reshape(tile)
        planes = self._grid.starts[0]
        for strip in self._strips:
            window = self._windows.open(self._grid, strip, weights)
            for plane, following in zip(planes, (*planes[1:], self._grid.padded_shape[0])):
                for row, column in itertools.product(strip.tile_starts, self._grid.starts[2]):
                    self._add_tile(window, padded, (plane, row, column))
                yield from self._timed(window.finished(following))
                if following != self._grid.padded_shape[0]:
                    window.advance(following)
            del window

    def _add_tile(self, window: Window, padded: Float32Array, start: Tuple[int, int, int]) -> None:
        began = time.perf_counter()
        z, y, x = (slice(s, s + t) for s, t in zip(start, self._grid.tile))
        patch = padded[:, z, y, x]
        output = self._passes.run(self._engine, patch[:, 0] if self._flat else patch, self._check, self._output)
        self._output = output
        if len(output) != self._windows.channels:
            raise EngineError(
                "The network's output has another number of channels than its file says.",
                expected=str(self._windows.channels),
                found=str(len(output)),
                remedy="Verify the bundle with `kdseg verify`.",
            )
        window.add(start, output[:, None] if self._flat else output)
        self._monitor.add_seconds(Stage.NETWORK, time.perf_counter() - began)
        self._tell()

    def _timed(self, slabs: Iterator[Slab]) -> Iterator[Slab]:
        """Yield the slabs; the time to form them belongs to the network. The monitor is asked before each of them."""
        while True:
            self._tell()
            began = time.perf_counter()
            slab = next(slabs, None)
            self._monitor.add_seconds(Stage.NETWORK, time.perf_counter() - began)
            if slab is None:
                return
            yield slab
            self._planes_done += slab.sums.shape[1]
            del slab

    def _check(self) -> None:
        """Count a pass; called before each."""
        self._tell()
        self._passes_done += 1

    def _tell(self) -> None:
        """Tell how much is done, and stop if the caller wants to."""
        passes, planes = self._passes_done / self._passes_planned, self._planes_done / self._planes
        self._monitor.report(Stage.NETWORK, (PASSES_OF_20 * passes + (20 - PASSES_OF_20) * planes) / 20)

    def _pad(self, image: Float32Array) -> Float32Array:
        grid = self._grid
        missing = [p - n for p, n in zip(grid.padded_shape, grid.image_shape)]
        if not any(missing):
            return image
        widths = [(b, m - b) for b, m in zip(grid.padding_before, missing)]
        return np.pad(image, [(0, 0), *widths])
