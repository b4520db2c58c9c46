"""Blocks of voxels: each voxel once, in either order of memory, and what is written into a block is written into the map."""

from __future__ import annotations

import pytest
import torch

from kdseg_training.distillation.losses import blocks as blocks_module
from kdseg_training.distillation.losses.blocks import Blocks, worthwhile

SHAPE = (2, 3, 4, 5, 6)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "CACHED_ELEMENTS", 3 * 7)  # 120 voxels are no multiple of 7


def maps(channels_last: bool) -> torch.Tensor:
    tensor = torch.arange(2 * 3 * 4 * 5 * 6, dtype=torch.float32).reshape(SHAPE)
    return tensor.contiguous(memory_format=torch.channels_last_3d if channels_last else torch.contiguous_format)


@pytest.mark.parametrize("channels_last", [False, True])
def test_every_voxel_comes_once_and_in_order(channels_last: bool) -> None:
    given = maps(channels_last)
    blocks = Blocks(given)
    pieces = list(blocks.cut(given))
    assert [piece.shape[blocks.voxel_axis] for piece in pieces] == [*[7] * 17, 1] * 2
    assert list(blocks.samples()) == [0] * 18 + [1] * 18
    assert all(piece.is_contiguous() for piece in pieces) == channels_last  # so that classes are read in the order of memory
    for sample in (0, 1):
        mine = [piece for piece, number in zip(pieces, blocks.samples(), strict=True) if number == sample]
        joined = torch.cat(mine, blocks.voxel_axis)
        assert torch.equal(joined.T if channels_last else joined, given[sample].reshape(3, -1))


@pytest.mark.parametrize("channels_last", [False, True])
def test_maps_of_the_other_order_are_cut_alike(channels_last: bool) -> None:
    blocks = Blocks(maps(channels_last))
    for ours, theirs in zip(blocks.cut(maps(channels_last)), blocks.cut(maps(not channels_last)), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("channels_last", [False, True])
def test_what_is_written_into_blocks_is_written_into_the_map(channels_last: bool) -> None:
    given = maps(channels_last)
    blocks = Blocks(given)
    result = blocks.empty_like(given)
    for source, target in zip(blocks.cut(given), blocks.cut(result), strict=True):
        target.copy_(source)
    assert torch.equal(result, given)
    assert result.stride() == given.stride()  # no copy on the way back to the network


@pytest.mark.parametrize("channels_last", [False, True])
def test_values_of_classes(channels_last: bool) -> None:
    given = maps(channels_last)
    blocks, values = Blocks(given), torch.tensor([1.0, 10.0, 100.0])
    block = next(blocks.cut(given))
    by_hand = sum(values[c] * block.select(blocks.class_axis, c) for c in range(3))
    assert torch.equal(blocks.over_classes(values, block).flatten(), by_hand)
    scaled = block * blocks.per_class(values)
    assert torch.equal(scaled.select(blocks.class_axis, 2), 100 * block.select(blocks.class_axis, 2))


@pytest.mark.parametrize(("classes", "expected"), [(15, False), (16, True)])
def test_few_classes_are_sooner_done_as_a_whole(classes: int, expected: bool) -> None:
    assert worthwhile(torch.zeros(1, classes, 2, 2, 2)) == expected
    assert not worthwhile(torch.zeros(1, classes, 2, 2, 2, device="meta"))
