"""Gram matrices: how much every channel has in common with every other, (C, C) whatever the number of voxels."""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST_ENERGY = 1e-12
"""A channel whose mean square is below this has no direction."""


def gram_matrix(features: Tensor) -> Tensor:
    """Return G = F Fᵀ / n, (N, C, C), for F (N, C, n).

    F must be float32 or wider: a square of 300 overflows float16.
    """
    return (features / features.shape[2]) @ features.mT


def cosines(gram: Tensor) -> Tensor:
    """Return G_ij / √(G_ii G_jj); 0, with a gradient of 0, in rows and columns of a channel that is 0 everywhere.

    Taking the lengths from the diagonal needs no normalised copy of the features.
    """
    energy = gram.diagonal(dim1=1, dim2=2)
    alive = energy > SMALLEST_ENERGY
    inverse = torch.where(alive, torch.where(alive, energy, torch.ones_like(energy)).rsqrt(), torch.zeros_like(energy))
    return gram * inverse[:, :, None] * inverse[:, None, :]
