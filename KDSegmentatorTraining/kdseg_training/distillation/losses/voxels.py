"""Feature maps with their voxels in one axis, and convolutions of kernel 1 on them, without copies of the map.

Networks on a CPU keep the channels of a voxel side by side (``channels_last``), others the voxels of a channel. A map is as
large as the whole image times its channels, so that a copy into the other order costs more than the arithmetic.
"""

from __future__ import annotations

from typing import Optional

from torch import Tensor, nn
from torch.nn import functional


def voxels_of(features: Tensor) -> Tensor:
    """Return (N, C, V) for (N, C, *spatial): a view, in either order of memory."""
    if features.is_contiguous():
        return features.flatten(2)
    return features.movedim(1, -1).flatten(1, -2).mT


def pointwise(layer: nn.Conv1d, voxels: Tensor) -> Tensor:
    """Apply a convolution of kernel 1, ``W f_v + b``: (N, C, V) → (N, C', V), in the order of memory of its input."""
    weight: Tensor = layer.weight[:, :, 0]
    bias: Optional[Tensor] = layer.bias
    if voxels.is_contiguous():
        product = weight @ voxels
        return product if bias is None else product + bias[:, None]
    return functional.linear(voxels.mT, weight, bias).mT
