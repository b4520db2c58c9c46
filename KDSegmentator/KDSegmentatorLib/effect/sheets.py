"""New images for segments: what the student found, together with what those segments keep.

A *sheet* is an array on the editor's grid in which every segment has its own number, counted from 1. All segments share the
first sheet, unless two of them keep voxels at the same place: then the later one gets a sheet of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence

import numpy as np
import numpy.typing as npt

import slicer
from KDSegmentatorLib.effect.grid import Extent, image_of, onto
from KDSegmentatorLib.effect.layers import Layer

Cells = npt.NDArray[np.bool_]
Sheet = npt.NDArray[Any]


@dataclass(frozen=True)
class Content:
    """What one segment will hold: its voxels are those of ``image`` with the value ``value``; none where ``value`` is 0."""

    image: Any
    value: int


def numbered(labels: npt.NDArray[Any], values: Sequence[int]) -> Sheet:
    """Return the first sheet: 1 where ``labels`` is ``values[0]``, 2 where it is ``values[1]`` …, 0 elsewhere."""
    table = np.zeros(max([int(labels.max(initial=0)), *values]) + 1, dtype=_kind(len(values)))
    table[list(values)] = np.arange(1, len(values) + 1)
    sheet: Sheet = table[labels]
    return sheet


def kept(layers: Sequence[Layer], numbers: Mapping[str, int], allowed: Optional[Cells], grid: Any) -> List[Sheet]:
    """Return what segments hold where nothing may change: one sheet for each layer in which there is something.

    Parameters
    ----------
    layers
        The images of the segmentation.
    numbers
        The number of each segment that is written, by segment ID.
    allowed
        Where voxels may change; None for everywhere.
    grid
        From :func:`KDSegmentatorLib.effect.grid.editor_grid`.
    """
    sheets = []
    for layer in layers if allowed is not None else ():
        members = {layer.values[name]: number for name, number in numbers.items() if name in layer.values}
        if members:
            voxels = onto(grid, layer.image)
            table = np.zeros(max(int(voxels.max(initial=0)), *members) + 1, dtype=_kind(max(numbers.values())))
            table[list(members)] = list(members.values())
            sheet = table[voxels]
            sheet[allowed] = 0
            if sheet.any():
                sheets.append(sheet)
    return sheets


def present(sheet: Sheet) -> FrozenSet[int]:
    """Return the numbers that a sheet holds, without 0."""
    length = int(sheet.max(initial=0)) + 1
    counts = np.zeros(length, dtype=np.int64)
    for plane in sheet:
        counts += np.bincount(plane.ravel(), minlength=length)
    return frozenset(np.flatnonzero(counts).tolist()) - {0}


def contents(first: Sheet, keepers: Sequence[Sheet], count: int, grid: Any) -> List[Content]:
    """Return the content of each of ``count`` segments.

    Parameters
    ----------
    first
        From :func:`numbered`; it is changed.
    keepers
        From :func:`kept`; they are changed.
    count
        Number of segments.
    grid
        Where the sheets lie.
    """
    own: Dict[int, Cells] = {}
    for keeper in keepers:
        clashing = present(np.where(first > 0, keeper, 0)) | (present(keeper) & own.keys())
        for number in clashing:
            own[number] = own.get(number, first == number) | (keeper == number)
            first[first == number] = 0
            keeper[keeper == number] = 0
        np.copyto(first, keeper, where=keeper > 0)
    shared, found = _smallest_image(first, grid), present(first)
    return [
        Content(_smallest_image(own[number], grid), 1)
        if number in own
        else Content(shared, number)
        if number in found
        else Content(slicer.vtkOrientedImageData(), 0)
        for number in range(1, count + 1)
    ]


def _kind(highest: int) -> Any:
    return np.uint8 if highest < 256 else np.uint16


def _smallest_image(sheet: Sheet, grid: Any) -> Any:
    """Return a sheet as an image without the empty space around its content."""
    extent, bounds, window = grid.GetExtent(), [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != 2 - axis)
        used = np.flatnonzero(sheet.any(axis=others))
        if not used.size:
            return slicer.vtkOrientedImageData()
        bounds += [extent[2 * axis] + int(used[0]), extent[2 * axis] + int(used[-1])]
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    smallest: Extent = (bounds[0], bounds[1], bounds[2], bounds[3], bounds[4], bounds[5])
    return image_of(sheet[window[2], window[1], window[0]], grid, smallest)
