"""nnU-Net's image resampling as matrix products.

nnU-Net resizes with ``skimage.transform.resize(order, mode="edge", anti_aliasing=False)`` in float64, slice by slice with
nearest neighbour between slices where the grid is anisotropic (``nnunetv2.preprocessing.resampling``). A spline resize
is linear and separable, so along each axis it is a product with a fixed matrix; the matrix is what SciPy's own zoom makes
of the unit vectors. The products give the same float32 values several times faster; sums in another order may move one value
in thousands by its last bit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from kdseg.plans.model import Resampling

ANISOTROPY_THRESHOLD = 3.0
"""Ratio of the largest to the smallest spacing above which an axis is resampled separately (nnU-Net's ``ANISO_THRESHOLD``)."""

Float64Array = npt.NDArray[np.float64]


def resampled_shape(shape: Sequence[int], spacing_mm: Sequence[float], new_spacing_mm: Sequence[float]) -> Tuple[int, int, int]:
    """Return the number of voxels along each axis after resampling, rounded half to even as nnU-Net does."""
    z, y, x = (round(old / new * n) for old, new, n in zip(spacing_mm, new_spacing_mm, shape))
    return z, y, x


def separate_axis(resampling: Resampling, spacing_mm: Sequence[float], new_spacing_mm: Sequence[float]) -> Optional[int]:
    """Return the axis that is resampled with nearest neighbour, or None where all three are treated alike.

    The rules are those of nnU-Net's ``determine_do_sep_z_and_axis``: the axis must be the only one with the largest spacing.
    """
    if resampling.force_separate_z is not None:
        deciding = spacing_mm if resampling.force_separate_z else None
    elif max(spacing_mm) / min(spacing_mm) > ANISOTROPY_THRESHOLD:
        deciding = spacing_mm
    elif max(new_spacing_mm) / min(new_spacing_mm) > ANISOTROPY_THRESHOLD:
        deciding = new_spacing_mm
    else:
        deciding = None
    if deciding is None:
        return None
    coarse = [axis for axis, spacing in enumerate(deciding) if max(deciding) / spacing == 1]
    return coarse[0] if len(coarse) == 1 else None


@lru_cache(maxsize=16)
def resize_matrix(size: int, new_size: int, order: int) -> Float64Array:
    """Return the (new_size, size) matrix of a one-dimensional spline resize with repeated edges; read-only."""
    if size == new_size:
        matrix = np.eye(size)
    else:
        matrix = ndimage.zoom(np.eye(size), (new_size / size, 1), order=order, mode="nearest", grid_mode=True)
    matrix.setflags(write=False)
    return matrix


def nearest_indices(size: int, new_size: int) -> npt.NDArray[np.intp]:
    """Return for each of ``new_size`` positions the source index that ``map_coordinates(order=0, mode="nearest")`` takes."""
    positions = float(size) / new_size * (np.arange(new_size) + 0.5) - 0.5
    indices: npt.NDArray[np.intp] = np.clip(np.floor(positions + 0.5), 0, size - 1).astype(np.intp)
    return indices


def resample_image(
    channel: npt.NDArray[np.float32],
    new_shape: Sequence[int],
    spacing_mm: Sequence[float],
    new_spacing_mm: Sequence[float],
    resampling: Resampling,
) -> npt.NDArray[np.float32]:
    """Resample one channel to ``new_shape``.

    Parameters
    ----------
    channel
        Array of shape (z, y, x) after nnU-Net's transpose.
    new_shape
        From :func:`resampled_shape`.
    spacing_mm, new_spacing_mm
        Before and after, in mm, in the order of the array's axes.
    resampling
        Spline order and the rule for the separate axis.

    Returns
    -------
    numpy.ndarray
        Array of ``new_shape``; the input itself if the shape does not change.
    """
    new_shape = tuple(int(n) for n in new_shape)
    if channel.shape == new_shape:
        return channel
    axis = separate_axis(resampling, spacing_mm, new_spacing_mm)
    if axis is None:
        return _resize_in_planes(channel, new_shape, resampling.order)
    return _resize_with_separate_axis(channel, new_shape, axis, resampling.order)


def _resize_in_planes(channel: npt.NDArray[np.float32], new_shape: Tuple[int, ...], order: int) -> npt.NDArray[np.float32]:
    """Resize all three axes, one plane at a time first, so that float64 never holds more than the in-plane result."""
    depth, height, width = new_shape
    in_plane = np.empty((channel.shape[0], height, width))
    for z, plane in enumerate(channel):
        in_plane[z] = _resize_plane(plane, height, width, order)
    low, high = float(channel.min()), float(channel.max())
    resized = np.empty(new_shape, dtype=np.float32)
    for y in range(height):
        column = in_plane[:, y]
        if depth != column.shape[0]:
            column = resize_matrix(column.shape[0], depth, order) @ column
        resized[:, y] = np.clip(column, low, high)
    return resized


def _resize_with_separate_axis(
    channel: npt.NDArray[np.float32], new_shape: Tuple[int, ...], axis: int, order: int
) -> npt.NDArray[np.float32]:
    """Resize every slice across ``axis`` and take the nearest slice along it, as nnU-Net does for anisotropic grids.

    scikit-image clips each slice to its own range.
    """
    slices = np.moveaxis(channel, axis, 0)
    resized = np.empty(new_shape, dtype=np.float32)
    target = np.moveaxis(resized, axis, 0)
    previous, plane = -1, np.empty((0, 0))
    for z, source in enumerate(nearest_indices(slices.shape[0], target.shape[0])):
        if source != previous:
            original = slices[source]
            plane = _resize_plane(original, target.shape[1], target.shape[2], order)
            plane = np.clip(plane, original.min(), original.max())
            previous = source
        target[z] = plane
    return resized


def _resize_plane(plane: npt.NDArray[np.float32], height: int, width: int, order: int) -> Float64Array:
    resized = plane.astype(np.float64)
    if width != plane.shape[1]:
        resized = resized @ resize_matrix(plane.shape[1], width, order).T
    if height != plane.shape[0]:
        resized = resize_matrix(plane.shape[0], height, order) @ resized
    return resized
