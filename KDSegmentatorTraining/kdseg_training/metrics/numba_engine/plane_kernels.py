"""Kernels that handle whole planes of two label maps, and the entries that come out of them.

A plane of voxels is padded: voxel (j, k) is byte (j + 1, k + 1), everything around it is background.
"""
# ruff: noqa: PLR0917 (compiled functions take plain arrays, by position)

from __future__ import annotations

from typing import Any

import numpy as np

from kdseg_training.metrics.numba_engine.jit import compiled

_BYTE = np.uint64(8)
_LOW_BYTE = np.uint64(255)
_ONE_IN_EACH = np.uint64(0x0101010101010101)
_ZERO = np.uint64(0)


@compiled
def padded_planes(label_map: Any, planes: int) -> Any:
    """Return background planes for the kernels as uint64 words, shape (planes, rows + 2, words)."""
    return np.zeros((planes, label_map.shape[1] + 2, (label_map.shape[2] + 9) // 8), np.uint64)


@compiled
def load_plane(label_map: Any, i: int, plane: Any) -> None:
    """Copy plane ``i`` of a label map into a padded plane of bytes; a plane outside the map is background."""
    if i < 0 or i >= label_map.shape[0]:
        plane[:] = 0
        return
    for j in range(label_map.shape[1]):
        for k in range(label_map.shape[2]):
            plane[j + 1, k + 1] = label_map[i, j, k]


@compiled
def count_plane(prediction: Any, reference: Any, counts: Any) -> None:
    """Add the voxels of two padded planes, seen as words, to ``counts`` of shape (3, 256): prediction, reference, both."""
    for j in range(1, prediction.shape[0] - 1):
        for t in range(prediction.shape[1]):
            p, r = prediction[j, t], reference[j, t]
            if (p | r) == _ZERO:
                continue
            p0, r0 = p & _LOW_BYTE, r & _LOW_BYTE
            if p == p0 * _ONE_IN_EACH and r == r0 * _ONE_IN_EACH:
                counts[0, p0] += 8
                counts[1, r0] += 8
                if p0 == r0:
                    counts[2, p0] += 8
                continue
            for _ in range(8):
                a, b = p & _LOW_BYTE, r & _LOW_BYTE
                counts[0, a] += 1
                counts[1, b] += 1
                if a == b:
                    counts[2, a] += 1
                p, r = p >> _BYTE, r >> _BYTE


@compiled
def sort_by_label(labels: Any, positions: Any, codes: Any, next_entry: Any, sorted_positions: Any, sorted_codes: Any) -> None:
    """Copy entries to the places of their labels; ``next_entry``, int64 of shape (256,), holds where each label goes on."""
    for q in range(labels.shape[0]):
        place = next_entry[labels[q]]
        next_entry[labels[q]] = place + 1
        for axis in range(3):
            sorted_positions[axis, place] = positions[axis, q]
        sorted_codes[0, place], sorted_codes[1, place] = codes[0, q], codes[1, q]
