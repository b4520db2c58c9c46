"""Maps at the resolution of a stage, and features as tokens."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor


def at_resolution(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Return a map at another resolution, each voxel that of the nearest centre.

    The voxel i of n is taken from ⌊(i + ½) · m / n⌋ of m, as nnU-Net does with the targets of its coarser heads
    (``nearest-exact``); any data type, no copy if the shapes are equal.

    Parameters
    ----------
    values
        (N, C, *spatial).
    shape
        The spatial shape wanted.
    """
    for axis, size in enumerate(shape, start=2):
        have = values.shape[axis]
        if have != size:
            index = ((2 * torch.arange(size, device=values.device) + 1) * have) // (2 * size)
            values = values.index_select(axis, index)
    return values
