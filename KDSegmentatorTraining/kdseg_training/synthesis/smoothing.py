"""Gaussian blur and smooth random fields of volumes (z, y, x)."""

from __future__ import annotations

import math
from typing import List, Sequence

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_SIGMA = 0.15
"""In voxels; narrower Gaussians change nothing."""

REACH = 2.5
"""Standard deviations after which a Gaussian is cut off."""


def blur(volume: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Convolve with a Gaussian, axis by axis; at the border the last value is repeated.

    Parameters
    ----------
    volume
        (z, y, x).
    sigmas
        Standard deviation along z, y and x, in voxels.
    """
    for axis, sigma in enumerate(sigmas):
        if sigma >= SMALLEST_SIGMA:
            volume = _blur_axis(volume, axis, sigma)
    return volume


def gaussian_weights(sigma: float) -> List[float]:
    """Return the weights of the central voxel and those to one side of it; all of them, both sides, sum to 1."""
    radius = max(1, math.ceil(REACH * sigma))
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(radius + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    return [weight / total for weight in weights]


def _blur_axis(volume: Tensor, axis: int, sigma: float) -> Tensor:
    weights = gaussian_weights(sigma)
    radius, size = len(weights) - 1, volume.shape[axis]
    first, last = volume.narrow(axis, 0, 1), volume.narrow(axis, size - 1, 1)
    padded = torch.cat([*[first] * radius, volume, *[last] * radius], dim=axis)
    result = volume * weights[0]
    for i, weight in enumerate(weights[1:], start=1):
        result.add_(padded.narrow(axis, radius - i, size), alpha=weight)
        result.add_(padded.narrow(axis, radius + i, size), alpha=weight)
    return result


def enlarge(field: Tensor, shape: Sequence[int]) -> Tensor:
    """Interpolate coarse fields linearly to a grid, its corners on the corners of the coarse one.

    Parameters
    ----------
    field
        (channels, z, y, x) or (z, y, x), coarse.
    shape
        Voxels of the result.
    """
    batch = field[None, None] if field.ndim == 3 else field[None]
    fine = functional.interpolate(batch, size=tuple(shape), mode="trilinear", align_corners=True)[0]
    return fine[0] if field.ndim == 3 else fine


def smooth_field(control: Tensor, shape: Sequence[int]) -> Tensor:
    """Enlarge control points to a field without kinks, by way of a grid of middle size that is averaged over neighbours.

    Parameters
    ----------
    control
        (channels, z, y, x), random numbers at the control points.
    shape
        Voxels of the result.
    """
    middle = [min(3 * n, max(n, fine)) for n, fine in zip(control.shape[1:], shape, strict=True)]
    field = enlarge(control, middle)
    padded = functional.pad(field[None], (1,) * 6, mode="replicate")
    return enlarge(functional.avg_pool3d(padded, 3, stride=1)[0], shape)
