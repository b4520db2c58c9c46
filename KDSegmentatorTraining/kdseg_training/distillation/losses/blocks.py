"""Logits as matrices of half a million numbers, so that what is computed from them stays in the processor's cache.

With dozens of classes the logits are by far the largest tensors of a step: a hundred times what a cache holds. Taken as a
whole, each operation of a loss reads and writes all of them; taken block by block, only the first and the last does. Blocks are
widened to float32 one by one, so that no whole tensor of that precision is needed, and keep the order of the logits' memory.
"""

from __future__ import annotations

from typing import Iterator

import torch
from torch import Tensor

from kdseg_training.distillation.losses.voxels import voxels_of

CACHED_ELEMENTS = 2**19
"""Logits in one block: 2 MiB of float32."""

FEWEST_CLASSES = 16
"""A softmax over fewer that lie side by side does not fill a vector register, and takes ten times as long."""


def worthwhile(logits: Tensor) -> bool:
    """Tell whether blocks save time: on a CPU, from 16 classes on. Elsewhere each operation has a cost of its own."""
    return logits.device.type == "cpu" and logits.shape[1] >= FEWEST_CLASSES


class Blocks:
    """How logits are cut.

    Parameters
    ----------
    logits
        (N, C, *spatial).

    Attributes
    ----------
    class_axis
        Of the matrices: 0 for (C, n), where the voxels of a class lie side by side; 1 for (n, C), where the classes of a voxel
        do (``channels_last``).
    voxel_axis
        The other one.
    """

    def __init__(self, logits: Tensor) -> None:
        self.class_axis = 0 if logits.is_contiguous() else 1
        self.voxel_axis = 1 - self.class_axis
        self._voxels = max(1, CACHED_ELEMENTS // logits.shape[1])
        self._samples, self._each = logits.shape[0], -(-logits[0, 0].numel() // self._voxels)

    @property
    def number(self) -> int:
        """How many blocks there are."""
        return self._samples * self._each

    def samples(self) -> Iterator[int]:
        """Yield the number of the sample of each block."""
        for sample in range(self._samples):
            yield from [sample] * self._each

    def cut(self, maps: Tensor) -> Iterator[Tensor]:
        """Yield the blocks of (N, K, *spatial), sample by sample: (K, n) or (n, K) by :attr:`class_axis`.

        They are views where the maps are laid out as :meth:`empty_like` does it, or densely in the order of the logits.
        """
        for sample in voxels_of(maps):
            for block in sample.split(self._voxels, dim=1):
                yield block if self.class_axis == 0 else block.mT

    def empty_like(self, logits: Tensor) -> Tensor:
        """Return an uninitialised tensor of this shape and precision; what is written into its blocks is written into it."""
        if self.class_axis == 0:
            return torch.empty_like(logits, memory_format=torch.contiguous_format)
        rows = logits.new_empty((logits.shape[0], *logits.shape[2:], logits.shape[1]))
        return rows.movedim(-1, 1)

    def per_class(self, values: Tensor) -> Tensor:
        """Return (C,) so that it is broadcast over the voxels of a block."""
        return values[:, None] if self.class_axis == 0 else values

    def over_classes(self, values: Tensor, block: Tensor) -> Tensor:
        """Return Σ_c values_c · block_cv for each voxel, as an axis of length 1 of the block."""
        with torch.autocast(block.device.type, enabled=False):
            return (values @ block if self.class_axis == 0 else block @ values).unsqueeze(self.class_axis)
