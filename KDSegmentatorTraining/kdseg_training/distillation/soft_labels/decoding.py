"""Dense probabilities of a box, from what was kept of a volume."""

from __future__ import annotations

import math
from typing import Sequence, Tuple

import numpy as np

from kdseg_training.distillation.soft_labels.encoding import LEVELS, Array, SparseProbabilities


def decode_box(sparse: SparseProbabilities, box: Sequence[slice]) -> Array:
    """Return the probabilities (C, z, y, x), float32, in a box within the volume; slices of step 1 over (z, y, x)."""
    ranges = [part.indices(size)[:2] for part, size in zip(box, sparse.shape, strict=True)]
    inside = tuple(slice(first, max(first, last)) for first, last in ranges)
    top = sparse.top[(slice(None), *inside)]
    voxels, channels, odds = _stored(sparse, inside)
    if sparse.regions:
        return _of_regions(sparse, top, voxels, channels, odds)
    values: Array = sparse.fill.T[:, top[0]]
    np.put_along_axis(values, top.astype(np.int64), 1.0, axis=0)
    values[(channels, *voxels)] = odds
    values /= values.sum(axis=0, keepdims=True)
    return values


def _of_regions(sparse: SparseProbabilities, top: Array, voxels: Tuple[Array, ...], channels: Array, odds: Array) -> Array:
    column = np.arange(sparse.channel_count).reshape(-1, 1, 1, 1)
    values: Array = sparse.fill[top, column]
    values[(channels, *voxels)] = odds
    values /= 1 + values
    return np.where(top > 0, 1 - values, values)


def _stored(sparse: SparseProbabilities, box: Sequence[slice]) -> Tuple[Tuple[Array, ...], Array, Array]:
    """Return the stored odds in a box: voxel within it, channel, odds."""
    plane = sparse.shape[1] * sparse.shape[2]
    first, last = np.searchsorted(sparse.positions, [box[0].start * plane, box[0].stop * plane])
    place = np.unravel_index(sparse.positions[first:last], sparse.shape)
    chosen = np.ones(last - first, bool)
    for axis in (1, 2):
        chosen &= (place[axis] >= box[axis].start) & (place[axis] < box[axis].stop)
    numbers = np.flatnonzero(chosen) + first
    counts = sparse.counts[numbers].astype(np.int64)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    entries = np.repeat(sparse.offsets[numbers], counts) + within
    voxels = tuple(np.repeat(axis[chosen] - part.start, counts) for axis, part in zip(place, box, strict=True))
    doubts = (sparse.doubts[entries] + 0.5) * (-math.log(sparse.floor) / LEVELS)
    return voxels, sparse.channels[entries].astype(np.int64), np.exp(-doubts).astype(np.float32)
