"""Deterministic inputs for a network: smooth blobs with noise, as an image looks after normalisation."""

from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt

SMALLEST_AXIS = 8
"""No axis of the self-test's input is shorter, in voxels."""

_BLOBS = 6


def self_test_shape(strides: Sequence[int]) -> Tuple[int, ...]:
    """Return the smallest useful shape: a multiple of ``strides`` with 2 voxels at the bottleneck or more."""
    return tuple(stride * max(2, -(-SMALLEST_AXIS // stride)) for stride in strides)


def sample_image(channels: int, shape: Sequence[int], seed: int) -> npt.NDArray[np.float32]:
    """Return an image of shape (channels, *shape) with mean 0 and standard deviation 1 in each channel."""
    random = np.random.default_rng(seed)
    image = 0.3 * random.standard_normal((channels, *shape))
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    for channel in image:
        for _ in range(_BLOBS):
            widths = [max(1.0, n * random.uniform(0.08, 0.3)) for n in shape]
            centres = [random.uniform(0, n) for n in shape]
            distance = sum(((a - c) / w) ** 2 for a, c, w in zip(axes, centres, widths, strict=True))
            channel[...] += random.uniform(-2, 2) * np.exp(-0.5 * distance)
    spatial = tuple(range(1, image.ndim))
    image -= image.mean(axis=spatial, keepdims=True)
    image /= image.std(axis=spatial, keepdims=True)
    return image.astype(np.float32)
