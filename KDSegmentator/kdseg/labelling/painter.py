"""Takes finished slabs from the sliding window and writes labels into the target grid."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.accumulator import Slab
from kdseg.labelling.axes import AxisMap
from kdseg.labelling.half_precision import HalfArray
from kdseg.labelling.rules import Block, LabelRule
from kdseg.progress import Monitor, Stage

BLOCK_VOXELS = 1 << 19
"""Largest number of network voxels that are decided at once; bounds the memory of the temporary arrays."""

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
        self._plane: Optional[Edge] = None
        self._rows: List[Edge] = []
        self._next_rows: List[Edge] = []

    def add(self, slab: Slab) -> None:
        """Decide every target voxel whose corners are now known."""
        began = time.perf_counter()
        if slab.first_plane == 0:
            self._rows, self._next_rows, self._plane = self._next_rows, [], None
        if slab.sums.shape[1] and slab.sums.shape[2]:
            self._decide(self._with_row_edge(slab))
        self._monitor.add_seconds(Stage.LABELS, time.perf_counter() - began)

    def _with_row_edge(self, slab: Slab) -> Slab:
        """Put the last row of the strip before in front of the slab, and keep its own last row."""
        if not self._maps[1].reach:
            return slab
        last = (slab.sums[:, :, -1:].copy(), slab.weights[:, -1:].copy())
        self._next_rows.append(last)
        if slab.first_row == 0:
            return slab
        sums, weights = self._rows.pop(0)
        return Slab(
            slab.first_plane,
            slab.first_row - 1,
            np.concatenate([sums, slab.sums], axis=2),
            np.concatenate([weights, slab.weights], axis=1),
        )

    def _decide(self, slab: Slab) -> None:
        blocks: List[Tuple[Slab, slice]] = []
        if self._maps[0].reach and self._plane is not None:
            sums, weights = self._plane
            joined = Slab(
                slab.first_plane - 1,
                slab.first_row,
                np.concatenate([sums, slab.sums[:, :1]], axis=1),
                np.concatenate([weights, slab.weights[:1]], axis=0),
            )
            blocks.append((joined, slice(0, 2)))
        planes = slab.sums.shape[1]
        reach = self._maps[0].reach
        step = max(1, BLOCK_VOXELS // (slab.weights.shape[1] * slab.weights.shape[2]))
        blocks += [(slab, slice(p, min(p + step + reach, planes))) for p in range(0, max(1, planes - reach), step)]
        list(self._pool.map(lambda item: self._decide_block(*item), blocks))
        if reach:
            self._plane = (slab.sums[:, -1:].copy(), slab.weights[-1:].copy())

    def _decide_block(self, slab: Slab, planes: slice) -> None:
        sums, weights = slab.sums[:, planes], slab.weights[planes]
        first = (slab.first_plane + planes.start, slab.first_row, 0)
        targets = tuple(m.targets(f, f + n - 1) for m, f, n in zip(self._maps, first, weights.shape))
        if any(t.start >= t.stop for t in targets):
            return
        maps = tuple(replace(m, source=m.source[t], weight=m.weight[t]) for m, t in zip(self._maps, targets))
        self._target[targets] = self._rule.decide(Block(sums, weights, first, (maps[0], maps[1], maps[2])))
