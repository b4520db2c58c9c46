"""The weight of a voxel inside its tile."""

from __future__ import annotations

from functools import lru_cache
from typing import Tuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

SIGMA_SHARE = 1.0 / 8
"""Standard deviation of the Gaussian as a share of the patch size."""

PEAK = 10.0
"""Largest weight; nnU-Net scales to 10 to use more of half precision's range."""


@lru_cache(maxsize=4)
def gaussian_weights(patch_size: Tuple[int, ...]) -> npt.NDArray[np.float16]:
    """Return nnU-Net's Gaussian importance map in half precision, shape ``patch_size``, read-only.

    A unit impulse at the centre is smoothed, scaled to :data:`PEAK` and rounded to half precision; zeros become the smallest
    weight, so that every voxel counts (``nnunetv2.inference.sliding_window_prediction.compute_gaussian``).
    """
    impulse = np.zeros(patch_size)
    impulse[tuple(n // 2 for n in patch_size)] = 1
    smooth = ndimage.gaussian_filter(impulse, [n * SIGMA_SHARE for n in patch_size], 0, mode="constant", cval=0)
    smooth /= smooth.max() / PEAK
    weights: npt.NDArray[np.float16] = smooth.astype(np.float32).astype(np.float16)
    weights[weights == 0] = weights[weights != 0].min()
    weights.setflags(write=False)
    return weights
