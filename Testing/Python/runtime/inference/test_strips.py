"""Strips cover every row once, and each holds every tile that reaches into it."""

import pytest

from kdseg.inference.strips import cut_strips, tiles_computed
from kdseg.inference.tiling import plan_tiles

GRID = plan_tiles((64, 512, 32), (32, 128, 32), 0.5)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 50])
def test_rows_are_covered_once_and_in_order(count):
    strips = cut_strips(GRID, count)
    assert [s.start for s in strips] == [0, *(s.stop for s in strips[:-1])]
    assert strips[-1].stop == 512
    for strip in strips:
        reaching = [s for s in GRID.starts[1] if s < strip.stop and s + 128 > strip.start]
        assert list(strip.tile_starts) == reaching


def test_the_price_of_a_border_is_one_row_of_tiles():
    # 512 rows with tiles of 128 every 64: 7 rows of tiles; a border at 256 is crossed by the tile from 192 to 320 alone
    one, two = cut_strips(GRID, 1), cut_strips(GRID, 2)
    assert [s.start for s in two] == [0, 256]
    per_row = len(GRID.starts[0]) * len(GRID.starts[2])
    assert tiles_computed(GRID, one) == 7 * per_row
    assert tiles_computed(GRID, two) == 8 * per_row
