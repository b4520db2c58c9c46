"""Find the surface of a mask: one code per place, under either definition."""

from __future__ import annotations

from typing import Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.surface_elements import surface_element_areas_mm2

Margin = Tuple[int, int, int]

_ONE, _TWO, _FOUR = np.uint8(1), np.uint8(2), np.uint8(4)


def surface_codes(mask: npt.NDArray[np.bool_], margin: Margin, definition: SurfaceDefinition) -> npt.NDArray[np.uint8]:
    """Return the code of every place where the surface may lie; 0 and 255 are not on the surface.

    Parameters
    ----------
    mask
        Boolean array of shape (z, y, x); everything outside it is background.
    margin
        Places to add on both ends of each axis, so that later searches stay inside the array.
    definition
        Surface elements: the places are voxel corners, and the code is the 2×2×2 neighbourhood
        (see :data:`~kdseg_training.metrics.surface_elements.CORNER_BITS`). Boundary voxels: the places are voxels, code 1.

    Returns
    -------
    numpy.ndarray
        uint8, of shape ``mask.shape + 1 + 2 margin`` (corners) or ``mask.shape + 2 margin`` (voxels).
    """
    padded = np.zeros([n + 2 * m + 2 for n, m in zip(mask.shape, margin)], np.uint8)
    padded[tuple(slice(m + 1, -m - 1) for m in margin)] = mask
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        pairs = padded[:, :, :-1] | np.left_shift(padded[:, :, 1:], _ONE)
        quads = pairs[:, :-1] | np.left_shift(pairs[:, 1:], _TWO)
        octets: npt.NDArray[np.uint8] = quads[:-1] | np.left_shift(quads[1:], _FOUR)
        return octets
    centre = padded[1:-1, 1:-1, 1:-1]
    inside = padded[:-2, 1:-1, 1:-1] & padded[2:, 1:-1, 1:-1]
    inside &= padded[1:-1, :-2, 1:-1] & padded[1:-1, 2:, 1:-1]
    inside &= padded[1:-1, 1:-1, :-2] & padded[1:-1, 1:-1, 2:]
    return centre & ~inside


def on_surface(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return where the codes 1 to 254 are; unsigned wrap-around turns the two comparisons into one."""
    return (codes - np.uint8(1)) < np.uint8(254)


def weights_per_code(definition: SurfaceDefinition, spacing_mm: Tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return the weight of a surface place by its code, shape (256,): the area in mm², or 1 for boundary voxels."""
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        return surface_element_areas_mm2(spacing_mm)
    return np.ones(256, dtype=np.float64)
