"""The label of a token: that of most of its voxels."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from kdseg_training.distillation.outputs import LabelScheme


def same_label(target: Tensor, scheme: LabelScheme, grid: Sequence[int]) -> Tuple[Tensor, Tensor]:
    """Return which pairs of tokens have the same label, and for which pairs that is known.

    The voxel i of m along an axis belongs to the token ⌊i · n / m⌋ of n. A token has the label that most of its annotated
    voxels have, the lowest if several do. For regions it belongs to every region that holds more than half of its annotated
    voxels, and two tokens have the same label if they belong to the same regions. A token without an annotated voxel has
    none.

    Parameters
    ----------
    target
        At the stage's resolution: label map (N, 1, *spatial), or regions (N, R, *spatial), see :class:`LabelScheme`.
    scheme
        Tells which.
    grid
        Tokens along each axis.

    Returns
    -------
    same, known
        bool, (N, n, n).
    """
    cells = _cells(target.shape[2:], grid, target.device)
    tokens = 1
    for size in grid:
        tokens *= size
    annotated = scheme.annotated(target)
    valid = None if annotated is None else annotated.flatten(1)
    if scheme.regions:
        same, known = _of_regions(target[:, : scheme.heads].flatten(2) > 0, valid, cells, tokens)
    else:
        same, known = _of_labels(target.flatten(1).long(), scheme.heads, cells, tokens)
    return same, known[:, :, None] & known[:, None, :]


def _cells(shape: Sequence[int], grid: Sequence[int], device: torch.device) -> Tensor:
    """Return the token of every voxel, (V,)."""
    cells = torch.zeros((), dtype=torch.long, device=device)
    for size, count in zip(shape, grid, strict=True):
        along = (torch.arange(size, device=device) * count) // size
        cells = cells[..., None] * count + along
    return cells.flatten()


def _of_labels(labels: Tensor, classes: int, cells: Tensor, tokens: int) -> Tuple[Tensor, Tensor]:
    is_class = (labels >= 0) & (labels < classes)
    votes = labels.new_zeros((labels.shape[0], tokens * classes))
    votes.scatter_add_(1, cells * classes + torch.where(is_class, labels, 0), is_class.long())
    most, label = votes.view(-1, tokens, classes).max(dim=2)
    return label[:, :, None] == label[:, None, :], most > 0


def _of_regions(member: Tensor, valid: Optional[Tensor], cells: Tensor, tokens: int) -> Tuple[Tensor, Tensor]:
    counted = torch.ones_like(member[:, 0]) if valid is None else valid
    sizes = _count(counted[:, None], cells, tokens)[:, 0]
    bits = (2 * _count(member & counted[:, None], cells, tokens) > sizes[:, None]).float()
    differing = bits.mT @ (1 - bits)
    return (differing + differing.mT) == 0, sizes > 0


def _count(member: Tensor, cells: Tensor, tokens: int) -> Tensor:
    """Return how many voxels of each token are members: (N, R, V) → (N, R, n)."""
    counts = torch.zeros((*member.shape[:2], tokens), dtype=torch.long, device=member.device)
    return counts.scatter_add_(2, cells.expand(member.shape), member.long())
