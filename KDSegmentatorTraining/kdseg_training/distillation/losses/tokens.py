"""Features as a few tokens: a coarse grid of vectors, small enough for a matrix of all pairs."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor

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
    return unit_vectors(cell_means(features, tokens_per_axis).flatten(2), dim=1)


def cell_means(features: Tensor, tokens_per_axis: int) -> Tensor:
    """Return the means over a grid of cells, (N, C, *grid): those of PyTorch's adaptive average pooling.

    The cell i of n along an axis of m voxels holds the voxels from ⌊i · m / n⌋ to ⌈(i + 1) · m / n⌉ − 1. The mean is taken
    axis by axis, each time as a product with a matrix, which takes a small part of the time of adaptive pooling on a CPU. It is
    linear and the same for all channels, so it may come before or after a convolution of kernel 1.
    """
    grid = token_grid(tuple(features.shape[2:]), tokens_per_axis)
    cells = features.movedim(1, -1)
    for axis, count in enumerate(grid, start=1):
        if cells.shape[axis] != count:
            means = _means(cells.shape[axis], count, cells)
            cells = (means @ cells.flatten(0, axis - 1).flatten(2)).view(*cells.shape[:axis], count, *cells.shape[axis + 1 :])
    return cells.movedim(-1, 1)


def _means(size: int, count: int, like: Tensor) -> Tensor:
    """Return the matrix (count, size) that takes the mean over each cell."""
    place = torch.arange(size, device=like.device)
    cell = torch.arange(count, device=like.device)[:, None]
    inside = (place >= cell * size // count) & (place < -(-(cell + 1) * size // count))
    return inside.to(like.dtype) / inside.sum(dim=1, keepdim=True)
