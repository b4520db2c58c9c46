"""New images for segments: what the student found, together with what those segments keep.

A *sheet* is an array on the editor's grid in which every segment has its own value. All segments share the first sheet, unless
two of them keep voxels at the same place: then the later one gets a sheet of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

import slicer
from KDSegmentatorLib.effect.grid import Extent, image_of, onto
from KDSegmentatorLib.effect.layers import Layer

Cells = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Content:
    """What one segment will hold: its voxels are those of ``image`` with the value ``value``; none where ``value`` is 0."""

    image: Any
    value: int


def kept(
    layers: Sequence[Layer], segment_ids: Sequence[str], allowed: Optional[Cells], grid: Any
) -> Iterator[Tuple[str, Cells]]:
    """Give every segment that has voxels where nothing may change, with those voxels on the grid.

    Parameters
    ----------
    layers
        The images of the segmentation.
    segment_ids
        The segments that are written.
    allowed
        Where voxels may change; None for everywhere.
    grid
        From :func:`KDSegmentatorLib.effect.grid.editor_grid`.
    """
    if allowed is None:
        return
    for layer in layers:
        members = [name for name in segment_ids if name in layer.values]
        voxels = onto(grid, layer.image) if members else None
        for name in members:
            cells = (voxels == layer.values[name]) & ~allowed
            if cells.any():
                yield name, cells


def numbered(labels: npt.NDArray[Any], values: Sequence[int]) -> npt.NDArray[Any]:
    """Return the first sheet: 1 where ``labels`` is ``values[0]``, 2 where it is ``values[1]`` …, 0 elsewhere."""
    kind = np.uint8 if len(values) < 256 else np.uint16
    table = np.zeros(max([int(labels.max(initial=0)), *values]) + 1, dtype=kind)
    table[list(values)] = np.arange(1, len(values) + 1)
    sheet: npt.NDArray[Any] = table[labels]
    return sheet


def contents(first: npt.NDArray[Any], keepers: Sequence[Tuple[int, Cells]], count: int, grid: Any) -> List[Content]:
    """Return the content of each of ``count`` segments.

    Parameters
    ----------
    first
        From :func:`numbered`; it is changed.
    keepers
        Number of a segment, counted from 1, and the voxels it keeps.
    count
        Number of segments.
    grid
        Where the sheets lie.
    """
    own: Dict[int, Cells] = {}
    for number, cells in keepers:
        if first[cells].any() or number in own:
            own[number] = own.get(number, first == number) | cells
            first[first == number] = 0
        else:
            first[cells] = number
    found = np.unique(first)
    shared = _smallest_image(first, grid)
    return [
        Content(_smallest_image(own[number].astype(np.uint8), grid), 1)
        if number in own
        else Content(shared, number)
        if number in found
        else Content(slicer.vtkOrientedImageData(), 0)
        for number in range(1, count + 1)
    ]


def _smallest_image(sheet: npt.NDArray[Any], grid: Any) -> Any:
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
