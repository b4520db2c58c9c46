"""Takes finished slabs from the sliding window and writes labels into the target grid."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.accumulator import Slab
from kdseg.labelling.axes import AxisMap
from kdseg.labelling.half_precision import HalfArray
from kdseg.labelling.rules import Block, LabelRule
from kdseg.progress import Monitor, Stage

BLOCK_BYTES = 64 * 1024**2
"""Temporary memory of one block of labels, in bytes, unless two planes need more."""


def bytes_per_voxel(heads: int, growth: float) -> float:
    """Return the temporary memory that one network voxel of a block needs at worst, where no cell is decided by its corners.

    Parameters
    ----------
    heads
        Channels of the logits: each takes two half-precision numbers at every corner.
    growth
        Target voxels for each network voxel: each takes indices and weights.
    """
    return 4.0 * heads + 120.0 + 120.0 * max(1.0, growth)


Edge = Tuple[HalfArray, HalfArray]
"""Sums and weights at a border, one voxel thick."""


class LabelPainter:
    """Decides labels slab by slab.

    Where the grids differ, a target voxel between two slabs needs the last plane of the first and the first plane of the
    second; between two strips the same holds for rows. These edges are kept here, one voxel thick.

    Parameters
    ----------
    target
        Label array on the cropped grid in the network's axes, written in place; may be a view.
    maps
        From :func:`kdseg.labelling.axes.axis_maps`.
    rule
        Decides a block.
    pool
        Blocks are decided in parallel.
    monitor
        Collects the time and may cancel.
    """

    def __init__(
        self,
        target: npt.NDArray[Any],
        maps: Sequence[AxisMap],
        rule: LabelRule,
        pool: Executor,
        monitor: Monitor,
    ) -> None:
        self._target, self._maps, self._rule = target, tuple(maps), rule
        self._pool, self._monitor = pool, monitor
        self._growth = math.prod(len(m.source) / m.size for m in maps)
        self._plane: Optional[Edge] = None
        self._rows: List[Edge] = []
        self._next_rows: List[Edge] = []

    def add(self, slab: Slab) -> None:
        """Decide every target voxel whose corners are now known."""
        if not slab.weights.size:  # tiles may start at the same voxel when they lie very close
            return
        began = time.perf_counter()
        if slab.first_plane == 0:
            self._rows, self._next_rows, self._plane = self._next_rows, [], None
        self._decide(_EdgedSlab(slab, self._row_edge(slab)))
        self._monitor.add_seconds(Stage.LABELS, time.perf_counter() - began)

    def _row_edge(self, slab: Slab) -> Optional[Edge]:
        """Keep the slab's last row for the next strip, and return the row before the slab, which the strip before left."""
        if not self._maps[1].reach:
            return None
        self._next_rows.append((slab.sums[:, :, -1:].copy(), slab.weights[:, -1:].copy()))
        return None if slab.first_row == 0 else self._rows.pop(0)

    def _decide(self, slab: _EdgedSlab) -> None:
        reach = self._maps[0].reach
        per_plane = slab.plane_voxels * bytes_per_voxel(slab.heads, self._growth)
        starts = range(0, max(1, slab.planes - reach), max(1, int(BLOCK_BYTES // per_plane)))
        blocks = [slice(p, min(p + starts.step + reach, slab.planes)) for p in starts]
        if reach and self._plane is not None:
            sums, weights = slab.block(slice(0, 1))
            joined = (np.concatenate([self._plane[0], sums], axis=1), np.concatenate([self._plane[1], weights]))
            self._decide_block(joined, (slab.first_plane - 1, slab.first_row, 0))
        list(
            self._pool.map(lambda b: self._decide_block(slab.block(b), (slab.first_plane + b.start, slab.first_row, 0)), blocks)
        )
        if reach:
            sums, weights = slab.block(slice(slab.planes - 1, slab.planes))
            self._plane = (sums.copy(), weights.copy())

    def _decide_block(self, block: Edge, first: Tuple[int, int, int]) -> None:
        sums, weights = block
        targets = tuple(m.targets(f, f + n - 1) for m, f, n in zip(self._maps, first, weights.shape))
        if any(t.start >= t.stop for t in targets):
            return
        maps = tuple(replace(m, source=m.source[t], weight=m.weight[t]) for m, t in zip(self._maps, targets))
        self._target[targets] = self._rule.decide(Block(sums, weights, first, (maps[0], maps[1], maps[2])))


@dataclass(frozen=True)
class _EdgedSlab:
    """A slab with the row before it, if there is one; joined block by block, so that no copy of the slab is made."""

    slab: Slab
    edge: Optional[Edge]

    @property
    def planes(self) -> int:
        return int(self.slab.weights.shape[0])

    @property
    def heads(self) -> int:
        return int(self.slab.sums.shape[0])

    @property
    def plane_voxels(self) -> int:
        return int(self.slab.weights[0].size)

    @property
    def first_plane(self) -> int:
        return self.slab.first_plane

    @property
    def first_row(self) -> int:
        return self.slab.first_row - (0 if self.edge is None else 1)

    def block(self, planes: slice) -> Edge:
        sums, weights = self.slab.sums[:, planes], self.slab.weights[planes]
        if self.edge is None:
            return sums, weights
        return np.concatenate([self.edge[0][:, planes], sums], axis=2), np.concatenate([self.edge[1][planes], weights], axis=1)
