r"""Labels on the target grid without interpolating every logit of every class.

nnU-Net interpolates the half-precision logits of all classes linearly to the image's grid in float64, rounds to half precision
and takes the class with the largest logit, the lowest of equals. The same labels follow with far less work:

* A target voxel lies in a cell of up to eight network voxels, and its logits are weighted means of theirs. Where one class is
  the largest at all corners, with distance to every lower class, it is the largest inside: nothing is interpolated.
* In the other cells a class can only win if its largest corner is not below the best guaranteed value, the maximum over
  all classes of their smallest corner. Two or three classes remain, and only those are interpolated.

*Why this is exact.* Let :math:`a_v > c_v` be two classes' logits at the corners, at least three steps of half precision
apart. A step at x is at least :math:`2^{-11}|x|`, so the means differ by at least :math:`3\sum w_v\,2^{-11}|a_v|`. That is
more than the step of half precision at the mean, at most :math:`2^{-10}\sum w_v|a_v|`, so rounding cannot make them equal. For
the second point both the bound and the corner are half-precision numbers, and rounding is monotonic.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.labelling.axes import AxisMap
from kdseg.labelling.half_precision import HalfArray, Keys, keys_of, quotients

Flat = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Points:
    """Target voxels that need interpolation, in the coordinates of a block of the network's grid.

    Attributes
    ----------
    cell
        Rank of each point's cell in ``corners``.
    corners
        Rank in ``voxels`` of each corner of each cell, shape (corner, cell), the last axis fastest.
    voxels
        Flat indices of all corner voxels in the block, ascending.
    weights
        For each axis the weight of the farther corner, shape (point,).
    steps
        For each corner, 0 or 1 along each axis.
    """

    cell: Flat
    corners: npt.NDArray[np.intp]
    voxels: Flat
    weights: Tuple[npt.NDArray[np.float64], ...]
    steps: Tuple[Tuple[int, ...], ...]

    def interpolate(self, values: npt.NDArray[np.float64], chosen: Flat) -> HalfArray:
        """Interpolate ``values`` at ``voxels`` to the ``chosen`` points, rounded to half precision.

        Products and sums are formed in the order of SciPy's zoom.
        """
        total = np.zeros(len(chosen))
        cells = self.cell[chosen]
        weights = [w[chosen] for w in self.weights]
        for corner, step in zip(self.corners, self.steps):
            term = values[corner[cells]]
            for weight, far in zip(weights, step):
                term = term * (weight if far else 1.0 - weight)
            total += term
        return total.astype(np.float16)


def locate(
    flat: Flat, target_shape: Sequence[int], block_shape: Sequence[int], maps: Sequence[AxisMap], first: Sequence[int]
) -> Points:
    """Find the cells and corners of target voxels.

    Parameters
    ----------
    flat
        Flat indices of the voxels in the target block.
    target_shape, block_shape
        Shapes of the target block and of the block of the network's grid.
    maps
        Axis maps restricted to the target block.
    first
        Network voxel at which the block begins along each axis.
    """
    positions = np.unravel_index(flat, tuple(target_shape))
    sources = [m.source[p] - f for m, p, f in zip(maps, positions, first)]
    weights = tuple(m.weight[p] for m, p in zip(maps, positions))
    cells, cell = _ranked(np.ravel_multi_index(sources, tuple(block_shape)), int(np.prod(block_shape)))
    steps = tuple(itertools.product(*(range(m.reach + 1) for m in maps)))
    strides = (block_shape[1] * block_shape[2], block_shape[2], 1)
    offsets = [sum(s * n for s, n in zip(step, strides)) for step in steps]
    corners = cells[None, :] + np.asarray(offsets, dtype=np.intp)[:, None]
    voxels, ranks = _ranked(corners.ravel(), int(np.prod(block_shape)))
    return Points(cell, ranks.reshape(corners.shape), voxels, weights, steps)


def _ranked(indices: Flat, size: int) -> Tuple[Flat, Flat]:
    """Return the distinct indices, ascending, and the rank of each input among them."""
    seen = np.zeros(size, dtype=np.bool_)
    seen[indices] = True
    distinct = np.flatnonzero(seen)
    rank = np.empty(size, dtype=np.intp)
    rank[distinct] = np.arange(len(distinct))
    return distinct, rank[indices]


def largest_class(points: Points, sums: HalfArray, weights: HalfArray, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the class with the largest interpolated logit at each point, the lowest of equals.

    Parameters
    ----------
    points
        Where.
    sums, weights
        Block of the network's grid, shapes (head, …) and (…).
    dtype
        Integer type of the result.
    """
    logits = corner_logits(points, sums, weights)
    largest_corner = np.empty((len(sums), points.corners.shape[1]), dtype=np.int16)
    guaranteed = np.full(points.corners.shape[1], np.iinfo(np.int16).min, dtype=np.int16)
    for head, values in enumerate(logits):
        keys = keys_of(values)
        at_corners = keys[points.corners]
        at_corners.max(axis=0, out=largest_corner[head])
        np.maximum(guaranteed, at_corners.min(axis=0), out=guaranteed)
    best: Keys = np.full(len(points.cell), np.iinfo(np.int16).min, dtype=np.int16)
    winner = np.zeros(len(points.cell), dtype=dtype)
    for head, values in enumerate(logits):
        candidate = largest_corner[head] >= guaranteed
        if not candidate.any():
            continue
        chosen = np.flatnonzero(candidate[points.cell])
        keys = keys_of(points.interpolate(values.astype(np.float64), chosen))
        better = keys > best[chosen]
        improved = chosen[better]
        best[improved] = keys[better]
        winner[improved] = head
    return winner


def corner_logits(points: Points, sums: HalfArray, weights: HalfArray) -> List[HalfArray]:
    """Return the logits of each head at the corner voxels, in half precision as nnU-Net has them."""
    divisor = weights.reshape(-1)[points.voxels]
    return [quotients(head.reshape(-1)[points.voxels], divisor) for head in sums]
