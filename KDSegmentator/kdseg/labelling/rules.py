"""From finished logits to integers: exclusive labels (arg-max) or overlapping regions (sigmoid), as nnU-Net decides them.

Source: ``nnunetv2.utilities.label_handling.LabelManager.convert_logits_to_segmentation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.labelling.axes import AxisMap
from kdseg.labelling.half_precision import HalfArray, check_finite, first_largest, keys_of
from kdseg.labelling.interpolation import corner_logits, largest_class, locate
from kdseg.plans.model import LabelSystem

BoolArray = npt.NDArray[np.bool_]

REGION_KEY = 3
"""Smallest half-precision logit, as its key (3·2⁻²⁴), whose sigmoid in single precision is above 0.5."""

WIDE_STEPS = 4
"""Weights are multiplied by this many smallest steps to find sums whose quotient may lie near :data:`REGION_KEY`."""


@dataclass(frozen=True)
class Block:
    """A block of the network's grid with finished sums, and the target voxels it decides.

    Attributes
    ----------
    sums, weights
        Shapes (head, plane, row, column) and (plane, row, column), half precision.
    first
        Network voxel at which the block begins.
    maps
        Axis maps restricted to the block's target voxels.
    """

    sums: HalfArray
    weights: HalfArray
    first: Tuple[int, int, int]
    maps: Tuple[AxisMap, AxisMap, AxisMap]

    @property
    def target_shape(self) -> Tuple[int, int, int]:
        """Shape of the target block."""
        z, y, x = (len(m.source) for m in self.maps)
        return z, y, x

    def spread(self, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give each target voxel the value of its cell, which is kept at the cell's first corner."""
        for axis in (2, 1, 0):
            source = self.maps[axis].source - self.first[axis]
            if not np.array_equal(source, np.arange(cells.shape[axis])):
                cells = np.take(cells, source, axis=axis)
        return cells


class LabelRule(Protocol):
    """Decides the integers of a block."""

    def decide(self, block: Block) -> npt.NDArray[Any]:
        """Return the label of each target voxel, shape ``block.target_shape``."""
        ...


def label_rule(labels: LabelSystem) -> LabelRule:
    """Return the rule that a label system asks for."""
    return RegionRule(labels) if labels.region_order is not None else ExclusiveRule(labels)


def _over_corners(values: npt.NDArray[Any], combine: np.ufunc, maps: Sequence[AxisMap]) -> npt.NDArray[Any]:
    """Combine the corners of each cell; the result is kept at the first corner and shrinks along interpolated axes."""
    for axis, axis_map in enumerate(maps):
        if axis_map.reach:
            near: Tuple[slice, ...] = (slice(None),) * axis
            values = combine(values[(*near, slice(None, -1))], values[(*near, slice(1, None))])
    return values


@dataclass(frozen=True)
class ExclusiveRule:
    """The class with the largest logit; the lowest of equals."""

    labels: LabelSystem

    def decide(self, block: Block) -> npt.NDArray[Any]:
        """Return the label of each target voxel; see :class:`LabelRule`."""
        dtype = np.dtype(self.labels.dtype)
        undecided = np.iinfo(dtype).max
        head, close = first_largest(block.sums, float(block.weights.max()), dtype)
        smallest = _over_corners(head, np.minimum, block.maps)
        mixed = smallest != _over_corners(head, np.maximum, block.maps)
        mixed |= _over_corners(close, np.logical_or, block.maps)
        smallest[mixed] = undecided
        target = block.spread(smallest)
        flat = np.flatnonzero(target == undecided)
        if len(flat):
            points = locate(flat, block.target_shape, block.weights.shape, block.maps, block.first)
            target = np.ascontiguousarray(target)
            target.reshape(-1)[flat] = largest_class(points, block.sums, block.weights, dtype)
        return target


@dataclass(frozen=True)
class RegionRule:
    """Every region whose sigmoid is above 0.5, painted in ``regions_class_order``."""

    labels: LabelSystem

    def decide(self, block: Block) -> npt.NDArray[Any]:
        """Return the label of each target voxel; see :class:`LabelRule`."""
        target = np.zeros(block.target_shape, dtype=self.labels.dtype)
        for head, value in enumerate(self.labels.region_order or ()):
            target[_inside(block, head)] = value
        return target


def _inside(block: Block, head: int) -> BoolArray:
    sums = block.sums[head : head + 1]
    keys = keys_of(sums[0])
    check_finite(keys)
    positive = keys > 0
    widest = np.float16(block.weights.max()) * np.float32(WIDE_STEPS * 2.0**-24)
    doubtful = positive & (keys <= int(keys_of(np.asarray([widest], dtype=np.float16))[0]) + 1)
    mixed = _over_corners(positive, np.logical_or, block.maps) & ~_over_corners(positive, np.logical_and, block.maps)
    mixed |= _over_corners(doubtful, np.logical_or, block.maps)
    inside: BoolArray = block.spread(_over_corners(positive, np.logical_and, block.maps))
    flat = np.flatnonzero(block.spread(mixed))
    if len(flat):
        points = locate(flat, block.target_shape, block.weights.shape, block.maps, block.first)
        values = corner_logits(points, sums, block.weights)[0].astype(np.float64)
        inside = np.ascontiguousarray(inside)
        decided = keys_of(points.interpolate(values, np.arange(len(flat)))) >= REGION_KEY
        inside.reshape(-1)[flat] = decided
    return inside
