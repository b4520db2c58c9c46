"""Which of the two windows adds up the tiles: one that keeps the sums of all classes, or one that keeps the tiles' features."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterator, Optional, Protocol, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.bundle.onnx_split import SplitNetwork
from kdseg.inference.accumulator import Accumulator, HalfArray, Slab
from kdseg.inference.feature_window import FeatureWindow
from kdseg.inference.half_sum import HalfSum
from kdseg.inference.head_sum import HeadSum
from kdseg.inference.strips import Strip
from kdseg.inference.tiling import TileGrid


class Window(Protocol):
    """Tiles go in, finished slabs come out, the window moves on along axis 0."""

    def add(self, start: Tuple[int, int, int], tile: npt.NDArray[np.float32]) -> None:
        """Add the network's output for a tile, shape (channel, z, y, x); its plane must be that of the window."""
        ...

    def finished(self, next_start: int) -> Iterator[Slab]:
        """Yield the planes before ``next_start``, which no later tile reaches; a slab is valid until the next step."""
        ...

    def advance(self, next_start: int) -> None:
        """Move the window to ``next_start`` and forget what is before."""
        ...


@dataclass(frozen=True)
class Windows:
    """Opens a window for each strip.

    Attributes
    ----------
    heads
        Channels of the logits.
    last_layer
        The layer that was taken off the network; None where its output are logits.
    keep_features
        Keep features rather than sums; only with ``last_layer``.
    pool
        Runs parts of the sums in parallel.
    """

    heads: int
    last_layer: Optional[SplitNetwork]
    keep_features: bool
    pool: Executor

    @property
    def channels(self) -> int:
        """Channels of the network's output: features where its last layer was taken off, else logits."""
        return self.heads if self.last_layer is None else int(self.last_layer.weights.shape[1])

    def open(self, grid: TileGrid, strip: Strip, weights: HalfArray) -> Window:
        """Return an empty window for one strip; ``weights`` are the Gaussian weights of a tile, shape (z, y, x)."""
        if self.last_layer is None:
            return Accumulator(grid, strip, self.heads, weights, tile_sum=HalfSum(), pool=self.pool)
        head = HeadSum(self.last_layer.weights, self.last_layer.bias)
        if self.keep_features:
            return FeatureWindow(grid, strip, self.heads, weights, head=head, pool=self.pool)
        return Accumulator(grid, strip, self.heads, weights, tile_sum=head, pool=self.pool)
