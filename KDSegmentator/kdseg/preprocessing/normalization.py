"""nnU-Net's intensity normalisation, in place and with the same float32 arithmetic.

Source: ``nnunetv2.preprocessing.normalization.default_normalization_schemes`` (nnU-Net v2.8.1).
"""

from __future__ import annotations

from typing import Optional

import numpy as np
import numpy.typing as npt

from kdseg.errors import IntensityError
from kdseg.plans.model import ChannelNormalization, NormalizationScheme

EPSILON = 1e-8
"""Smallest divisor, as in nnU-Net for float32."""

Float32Array = npt.NDArray[np.float32]


def normalize(image: Float32Array, rule: ChannelNormalization, mask: Optional[npt.NDArray[np.bool_]], source: str) -> None:
    """Normalise one channel in place.

    Parameters
    ----------
    image
        Array of shape (z, y, x). The result depends in the last bit on its memory layout, because NumPy sums along memory; it
        must be the cropped and transposed view that nnU-Net has.
    rule
        Scheme and statistics.
    mask
        True inside the non-zero region; needed where ``rule.use_mask`` is set and the scheme is z-score.
    source
        Named in errors.

    Raises
    ------
    IntensityError
        If an RGB channel leaves 0 to 255.
    """
    if rule.scheme is NormalizationScheme.Z_SCORE:
        _z_score(image, mask if rule.use_mask else None)
    elif rule.scheme is NormalizationScheme.CT and rule.intensities is not None:
        bounds = rule.intensities
        np.clip(image, bounds.percentile_00_5, bounds.percentile_99_5, out=image)
        image -= bounds.mean
        image /= max(bounds.std, EPSILON)
    elif rule.scheme is NormalizationScheme.RESCALE_TO_01:
        image -= image.min()
        image /= np.clip(image.max(), a_min=EPSILON, a_max=None)
    elif rule.scheme is NormalizationScheme.RGB_TO_01:
        _rgb(image, source)


def _z_score(image: Float32Array, mask: Optional[npt.NDArray[np.bool_]]) -> None:
    if mask is None:
        mean, std = image.mean(), image.std()
        image -= mean
        image /= max(std, EPSILON)
    else:
        inside = image[mask]
        mean, std = inside.mean(), inside.std()
        inside -= mean
        inside /= max(std, EPSILON)
        image[mask] = inside


def _rgb(image: Float32Array, source: str) -> None:
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 255:
        raise IntensityError(
            "The student expects 8-bit colour channels.",
            expected="intensities from 0 to 255",
            found=f"{low:g} to {high:g}",
            path=source,
            remedy="Convert the image to 8 bit, or choose a student that was trained for it.",
        )
    image /= 255.0
