"""Areas of the 256 marching-cubes surface elements, derived from 13 base cases and the symmetries of the cube."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Dict, Tuple

import numpy as np
import numpy.typing as npt

Normal = Tuple[int, int, int]

CORNER_BITS = np.array([[[1, 2], [4, 8]], [[16, 32], [64, 128]]], dtype=np.int64)
"""Bit of each voxel of a 2×2×2 neighbourhood in its code: voxel (i, j, k) has bit 4 i + 2 j + k."""

BASE_CASES: Dict[int, Tuple[Normal, ...]] = {
    0b00000001: ((1, 1, 1),),
    0b00000011: ((2, 2, 0), (2, 2, 0)),
    0b00000110: ((1, 1, 1), (1, 1, 1)),
    0b00000111: ((4, 0, 0), (2, 2, 2), (1, 1, 1)),
    0b00001111: ((4, 0, 0), (4, 0, 0)),
    0b00010110: ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    0b00010111: ((1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2)),
    0b00011000: ((1, 1, 1), (1, 1, 1)),
    0b00011001: ((0, 2, 2), (0, 2, 2), (1, 1, 1)),
    0b00011011: ((1, 1, 1), (3, 3, 3), (0, 2, 2), (2, 0, 2)),
    0b00011110: ((4, 0, 0), (1, 1, 1), (2, 2, 2), (1, 1, 1)),
    0b00111100: ((2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)),
    0b01101001: ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
}
"""Neighbourhoods that no rotation, reflection or exchange of mask and background turns into one another, by code.

The 14th, the uniform one, has no surface. The values are the area vectors of their triangles in eighths of a unit cube's
face, without signs, as only lengths matter. The corners of the triangles lie on edge midpoints: Lorensen and Cline 1987,
doi:10.1145/37402.37422.
"""


def _area_mm2(normals: Tuple[Normal, ...], axes: Tuple[int, ...], spacing_mm: Tuple[float, float, float]) -> float:
    """Return the area of triangles whose unit-cube area vectors are permuted by ``axes`` and stretched by the spacing."""
    s0, s1, s2 = spacing_mm
    face_mm2 = np.array([s1 * s2, s0 * s2, s0 * s1])
    vectors = np.asarray(normals, dtype=np.float64)[:, list(axes)] / 8.0 * face_mm2
    return float(np.sqrt((vectors**2).sum(axis=1)).sum())


@lru_cache(maxsize=64)
def surface_element_areas_mm2(spacing_mm: Tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return the area of the surface element of every 2×2×2 neighbourhood code.

    A marching-cubes triangle with area vector *n* in the unit cube has the area vector
    ``(n0 · s1 s2, n1 · s0 s2, n2 · s0 s1)`` in a cell of edges *s*.

    Parameters
    ----------
    spacing_mm
        Voxel spacing along the three array axes, in mm.

    Returns
    -------
    numpy.ndarray
        Read-only float64 array of shape (256,), in mm², indexed by the code built from :data:`CORNER_BITS`; codes 0 and
        255 (all background, all mask) have area 0.
    """
    areas = np.zeros(256, dtype=np.float64)
    for base_code, normals in BASE_CASES.items():
        cube = (base_code & CORNER_BITS) > 0
        for axes in itertools.permutations(range(3)):
            area = _area_mm2(normals, axes, spacing_mm)
            for flip in itertools.product((1, -1), repeat=3):
                image = np.transpose(cube, axes)[:: flip[0], :: flip[1], :: flip[2]]
                code = int(CORNER_BITS[image].sum())
                areas[[code, 255 - code]] = area
    areas.setflags(write=False)
    return areas
