"""The derived areas: by hand, and against the table that DeepMind ships."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kdseg_training.metrics.surface_elements import CORNER_BITS, surface_element_areas_mm2


def test_areas_by_hand() -> None:
    areas = surface_element_areas_mm2((3.0, 2.0, 1.0))
    corner = math.sqrt((2 * 1) ** 2 + (3 * 1) ** 2 + (3 * 2) ** 2) / 8  # a triangle on three edge midpoints: 7/8 mm²
    assert corner == 7 / 8
    for bit in range(8):
        assert areas[1 << bit] == pytest.approx(corner)
        assert areas[255 - (1 << bit)] == pytest.approx(corner)
    halves = [CORNER_BITS[0], CORNER_BITS[:, 0], CORNER_BITS[:, :, 0]]  # a face across the cell: its two other edges multiplied
    assert [areas[int(half.sum())] for half in halves] == pytest.approx([2 * 1, 3 * 1, 3 * 2])
    edge = int(
        CORNER_BITS[0, 0].sum()
    )  # two voxels along the last axis: a rectangle, 1 mm by half the diagonal of 3 mm and 2 mm
    assert areas[edge] == pytest.approx(math.hypot(3, 2) / 2 * 1)


def test_only_uniform_neighbourhoods_have_no_area() -> None:
    areas = surface_element_areas_mm2((1.0, 1.0, 1.0))
    assert np.flatnonzero(areas == 0).tolist() == [0, 255]


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (3.0, 2.0, 1.0), (0.31, 4.7, 1.9)])
def test_all_256_areas_equal_deepminds(surface_distance, spacing_mm) -> None:
    theirs = surface_distance.lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
    kernel = surface_distance.lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
    ours = surface_element_areas_mm2(spacing_mm)
    for code in range(256):
        neighbourhood = (code & CORNER_BITS) > 0
        assert ours[code] == pytest.approx(theirs[int(kernel[neighbourhood].sum())], abs=1e-12)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        surface_element_areas_mm2((1.0, 1.0, 1.0))[0] = 1.0
