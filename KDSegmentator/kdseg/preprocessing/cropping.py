"""nnU-Net's crop to the non-zero region (``nnunetv2.preprocessing.cropping``)."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Box = Tuple[slice, slice, slice]


def nonzero_box(channels: npt.NDArray[Any]) -> Box:
    """Return the box that holds every voxel that is not 0 in some channel; the whole grid if there is none.

    Voxels are compared in single precision, as nnU-Net has them. Filling holes, as nnU-Net does before, cannot change the
    box, so it is left out.

    Parameters
    ----------
    channels
        Array of shape (channel, z, y, x).
    """
    present = [np.zeros(n, dtype=bool) for n in channels.shape[1:]]
    for channel in channels:
        for z, plane in enumerate(channel):
            filled = plane.astype(np.float32, copy=False) != 0
            present[0][z] |= filled.any()
            present[1] |= filled.any(axis=1)
            present[2] |= filled.any(axis=0)
    if not present[0].any():
        return _box([(0, n) for n in channels.shape[1:]])
    edges = [np.flatnonzero(axis)[[0, -1]] for axis in present]
    return _box([(int(first), int(last) + 1) for first, last in edges])


def _box(bounds: Sequence[Tuple[int, int]]) -> Box:
    (z0, z1), (y0, y1), (x0, x1) = bounds
    return slice(z0, z1), slice(y0, y1), slice(x0, x1)


def nonzero_mask(channels: npt.NDArray[Any], box: Box) -> npt.NDArray[np.bool_]:
    """Return the filled non-zero mask inside ``box``, which z-score normalisation with mask needs, shape of the box."""
    mask: Optional[npt.NDArray[np.bool_]] = None
    for channel in channels:
        mask = channel != 0 if mask is None else mask | (channel != 0)
    filled: npt.NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return filled[box]
