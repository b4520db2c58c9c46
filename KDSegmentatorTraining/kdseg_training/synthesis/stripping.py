"""Skull stripping that is as good and as bad as that of real tools."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.settings import StrippingSettings
from kdseg_training.synthesis.smoothing import blur, enlarge, smooth_field

STEP_MM = 4.5
"""The mask is made on a grid of about this spacing, which its smoothness allows."""

REACH_MM = 6.0
"""Standard deviation of the blur that turns the brain into a smooth distance."""

ROUGHNESS_POINTS_MM = 20.0
"""Distance between the control points of the mask's roughness."""


def draw_mask(brain: Tensor, spacing_mm: Sequence[float], settings: StrippingSettings, draws: Draws) -> Tensor:
    """Draw a mask whose surface runs at about the same distance around the brain.

    The brain, blurred, falls as a Gaussian's integral with the distance from its surface; where it crosses the value that
    belongs to the wanted distance, the mask ends.

    Parameters
    ----------
    brain
        bool (z, y, x).
    spacing_mm
        Along z, y, x.
    settings
        Ranges of distance and roughness.
    draws
        Random numbers of this sample.

    Returns
    -------
    torch.Tensor
        bool, of the same shape.
    """
    margin, roughness = draws.uniform(settings.margin_mm), draws.uniform(settings.roughness_mm)
    shape = [min(n, max(1, round(n * mm / STEP_MM))) for n, mm in zip(brain.shape, spacing_mm, strict=True)]
    coarse_mm = [mm * n / c for mm, n, c in zip(spacing_mm, brain.shape, shape, strict=True)]
    coarse = functional.adaptive_avg_pool3d(brain[None, None].float(), (shape[0], shape[1], shape[2]))[0, 0]
    soft = blur(coarse, [REACH_MM / mm for mm in coarse_mm])
    points = [max(3, round(n * mm / ROUGHNESS_POINTS_MM)) for n, mm in zip(shape, coarse_mm, strict=True)]
    distance = margin + roughness * smooth_field(draws.field(1, *points), shape)[0]
    threshold = 0.5 * torch.erfc(distance / (REACH_MM * 2**0.5))
    return enlarge(soft - threshold, tuple(brain.shape)) > 0
