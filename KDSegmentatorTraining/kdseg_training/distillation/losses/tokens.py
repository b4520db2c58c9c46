"""Features as a few tokens: a coarse grid of vectors, small enough for a matrix of all pairs."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_NORM = 1e-6
"""A vector shorter than this has no direction."""


def unit_vectors(vectors: Tensor, dim: int) -> Tensor:
    """Return the vectors divided by their length; those without a direction become 0, with a gradient of 0."""
    length = torch.linalg.vector_norm(vectors.detach(), dim=dim, keepdim=True)
    null = length < SMALLEST_NORM
    safe = torch.where(null, torch.ones_like(vectors), vectors)
    unit = safe / torch.linalg.vector_norm(safe, dim=dim, keepdim=True)
    return torch.where(null, torch.zeros_like(vectors), unit)


def token_grid(shape: Tuple[int, ...], tokens_per_axis: int) -> Tuple[int, ...]:
    """Return how many tokens each axis has: no more than it has voxels."""
    return tuple(min(tokens_per_axis, size) for size in shape)


def tokens_of(features: Tensor, tokens_per_axis: int) -> Tensor:
    """Return tokens (N, C, n): means over a grid of cells, then divided by their length over channels.

    Parameters
    ----------
    features
        (N, C, *spatial).
    tokens_per_axis
        Cells along each axis; n is their number, at most ``tokens_per_axis`` ³.
    """
    grid = token_grid(tuple(features.shape[2:]), tokens_per_axis)
    if len(grid) == 2:
        cells = functional.adaptive_avg_pool2d(features, (grid[0], grid[1]))
    else:
        cells = functional.adaptive_avg_pool3d(features, (grid[0], grid[1], grid[2]))
    return unit_vectors(cells.flatten(2), dim=1)
