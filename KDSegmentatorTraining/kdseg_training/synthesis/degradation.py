"""What happens between tissue and file: partial volume, bias field, thick slices, noise, gamma."""

from __future__ import annotations

import math
from typing import List, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.settings import DegradationSettings
from kdseg_training.synthesis.smoothing import blur, enlarge, smooth_field

SLICE_SIGMA = 0.42
"""Standard deviation of a slice profile as a share of the thickness, which is its full width at half height."""


def degrade(image: Tensor, spacing_mm: Sequence[float], settings: DegradationSettings, draws: Draws) -> Tensor:
    """Degrade an image.

    Parameters
    ----------
    image
        (z, y, x), tissue means with noise; not negative where it matters.
    spacing_mm
        Along z, y, x.
    settings
        Ranges and shares.
    draws
        Random numbers of this sample.
    """
    sigma_mm = draws.uniform(settings.partial_volume_mm)
    image = blur(image, [sigma_mm / mm for mm in spacing_mm])
    image = image * bias_field(tuple(image.shape), settings, draws)
    voxel_mm = acquired_voxels(spacing_mm, settings, draws)
    image = lower_resolution(image, spacing_mm, voxel_mm, draws)
    if draws.chance(settings.noise_share):
        image = image + draws.noise(image.shape) * draws.log_uniform(settings.noise)
    return change_gamma(image.abs_(), math.exp(draws.normal(settings.gamma)))


def bias_field(shape: Sequence[int], settings: DegradationSettings, draws: Draws) -> Tensor:
    """Return a smooth positive factor for every voxel."""
    low, high = settings.bias_points
    points = [low + draws.integer(high - low + 1) for _ in range(3)]
    control = draws.field(1, *points) * draws.uniform(settings.bias)
    return smooth_field(control, shape)[0].exp_()


def acquired_voxels(spacing_mm: Sequence[float], settings: DegradationSettings, draws: Draws) -> List[float]:
    """Return the voxel size that the image was acquired with, along z, y, x; never below the grid's."""
    if draws.chance(settings.thick_slices):
        axis, thickness = draws.integer(3), draws.uniform(settings.slice_mm)
        return [max(mm, thickness if i == axis else 0.0) for i, mm in enumerate(spacing_mm)]
    if draws.chance(settings.low_resolution):
        size = draws.uniform(settings.voxel_mm)
        return [max(mm, size) for mm in spacing_mm]
    return list(spacing_mm)


def lower_resolution(image: Tensor, spacing_mm: Sequence[float], voxel_mm: Sequence[float], draws: Draws) -> Tensor:
    """Blur to larger voxels, sample at them, and interpolate back, as preprocessing does."""
    shape = tuple(image.shape)
    coarse = [max(2, round(n * mm / voxel)) for n, mm, voxel in zip(shape, spacing_mm, voxel_mm, strict=True)]
    if tuple(coarse) == shape:
        return image
    sigmas = [SLICE_SIGMA * v / mm if v > mm else 0.0 for mm, v in zip(spacing_mm, voxel_mm, strict=True)]
    blurred = blur(image, sigmas)
    acquired = functional.interpolate(blurred[None, None], size=coarse, mode="trilinear", align_corners=True)[0, 0]
    if draws.chance(0.5):
        acquired = acquired + draws.noise(coarse) * draws.uniform((0.0, 0.03))
    return enlarge(acquired, shape)


def change_gamma(image: Tensor, gamma: float) -> Tensor:
    """Raise the image, relative to its maximum, to a power."""
    top = image.max().clamp_min(torch.finfo(image.dtype).tiny)
    return (image / top).pow_(gamma)
