"""How much each voxel of a target counts, so that every class present counts the same."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor

from kdseg_training.distillation.losses.base import positive
from kdseg_training.distillation.outputs import LabelScheme


def class_masks(target: Tensor, scheme: LabelScheme, dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    """Return the foreground and the background weight of every voxel.

    ::

        M_v = Σ_{c ≥ 1} 1[y_v = c] / n_c,      B_v = 1[no structure at v] / n_bg

    within each sample, n counting the voxels of a class and of the background. So Σ_v M_v is the number of structures present,
    and Σ_v B_v is 1, or 0 without background. The background is no class of M. Ignored voxels belong to neither. For regions
    the sum runs over the regions, which may overlap.

    Source: arXiv 2601.08301; leaving the background out of M departs from its public code, where M covers every voxel.

    Parameters
    ----------
    target
        Label map (N, 1, *spatial), or regions (N, R, *spatial), see :class:`LabelScheme`.
    scheme
        Tells which.
    dtype
        Of the result.

    Returns
    -------
    foreground, background
        (N, V), voxels in one axis.
    """
    annotated = scheme.annotated(target)
    valid = None if annotated is None else annotated.flatten(1)
    if scheme.regions:
        foreground, empty = _of_regions(target[:, : scheme.heads].flatten(2) > 0, valid, dtype)
    else:
        foreground, empty = _of_labels(target.flatten(1), scheme, dtype)
    background = empty if valid is None else empty & valid
    weight = background.to(dtype)
    return foreground, weight / positive(weight.sum(dim=1, keepdim=True))


def _of_labels(labels: Tensor, scheme: LabelScheme, dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    """Look the weight 1 / n_c up by label: no one-hot map, whatever the number of classes."""
    labels = labels.long()
    is_class = (labels > 0) & (labels < scheme.heads)
    classes = torch.where(is_class, labels, 0)
    counts = labels.new_zeros((labels.shape[0], scheme.heads)).scatter_add_(1, classes, is_class.long())
    weights = is_class.to(dtype) / positive(counts).to(dtype).gather(1, classes)
    return weights, labels == 0


def _of_regions(member: Tensor, valid: Tensor | None, dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    if valid is not None:
        member = member & valid[:, None]
    per_region = 1 / positive(member.sum(dim=2)).to(dtype)
    weights = torch.matmul(per_region[:, None], member.to(dtype))[:, 0]
    return weights, ~member.any(dim=1)
