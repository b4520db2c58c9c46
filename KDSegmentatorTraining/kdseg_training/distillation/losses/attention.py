"""Where a feature map is strong: attention over voxels and over channels."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor


def attention_maps(features: Tensor, temperature: float) -> Tuple[Tensor, Tensor]:
    """Return the spatial and the channel attention of a feature map.

    ::

        S_v(F) = V · softmax_v(mean_c |F_cv| / T),      C_c(F) = C · softmax_c(mean_v |F_cv| / T)

    so that each has the mean 1. Source: arXiv 2601.08301 and its group's public code.

    Parameters
    ----------
    features
        F, (N, C, V): voxels as one axis.
    temperature
        T > 0.

    Returns
    -------
    spatial, channel
        (N, V) and (N, C).
    """
    strength = features.abs()
    over_channels, over_voxels = strength.mean(dim=1), strength.mean(dim=2)
    spatial = torch.softmax(over_channels / temperature, dim=1) * features.shape[2]
    channel = torch.softmax(over_voxels / temperature, dim=1) * features.shape[1]
    return spatial, channel
