"""Kernels that find the surface places of all classes in a slab of two label maps.

Whole rows of padded planes are compared byte by byte, which the compiler turns into vector instructions; only where neighbours
differ are single places looked at.
"""
# ruff: noqa: PLR0917 (compiled functions take plain arrays, by position)

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from kdseg_training.metrics.numba_engine.jit import compiled, trailing_zeros
from kdseg_training.metrics.numba_engine.plane_kernels import count_plane, load_plane, padded_planes

ENTRIES_PER_PLACE = 16
"""Entries that one place takes at most: the eight labels around a corner in the prediction, eight others in the reference."""

_BYTE = np.uint64(8)
_THREE = np.uint64(3)
_SEVEN = np.uint64(7)
_SEVEN_BYTES = np.uint64(56)
_LOW_BYTE = np.uint64(255)
_ONE_IN_EACH = np.uint64(0x0101010101010101)
_LOW_BITS_IN_EACH = np.uint64(0x7F7F7F7F7F7F7F7F)
_GATHER = np.uint64(0x0102040810204080)
_ZERO = np.uint64(0)


@compiled
def _next_byte(word: Any, number: int) -> Tuple[Any, Any]:
    """Return where in its row the lowest byte of a word is that is not 0, and the word without it; the word is not 0."""
    shift = trailing_zeros(word) & ~_SEVEN
    return 8 * number + np.int64(shift >> _THREE), word & ~(_LOW_BYTE << shift)


@compiled
def _mark_mixed_corners(lower: Any, upper: Any, j: int, corners: int, mixed: Any) -> None:
    """Write a byte per corner of row ``j`` that is 0 only where all eight voxels around the corner are alike."""
    a, b, c, d = lower[j], lower[j + 1], upper[j], upper[j + 1]
    for k in range(corners):
        first = a[k]
        here = (first ^ b[k]) | (first ^ c[k]) | (first ^ d[k])
        mixed[k] = here | (first ^ a[k + 1]) | (first ^ b[k + 1]) | (first ^ c[k + 1]) | (first ^ d[k + 1])


@compiled
def _labels_around(lower: Any, upper: Any, j: int, k: int) -> Any:
    """Return the labels around corner (j, k) between two planes; voxel (i, j, k) is byte 4 i + 2 j + k of the word."""
    word = np.uint64(upper[j + 1, k + 1])
    word = (word << _BYTE) | np.uint64(upper[j + 1, k])
    word = (word << _BYTE) | np.uint64(upper[j, k + 1])
    word = (word << _BYTE) | np.uint64(upper[j, k])
    word = (word << _BYTE) | np.uint64(lower[j + 1, k + 1])
    word = (word << _BYTE) | np.uint64(lower[j + 1, k])
    word = (word << _BYTE) | np.uint64(lower[j, k + 1])
    return (word << _BYTE) | np.uint64(lower[j, k])


@compiled
def _lowest_label(word: Any) -> Any:
    """Return the lowest byte of a word that is not 0; the word is not 0."""
    return (word >> (trailing_zeros(word) & ~_SEVEN)) & _LOW_BYTE


@compiled
def _bytes_equal_to(word: Any, label: Any) -> Any:
    """Return a word with 1 in every byte that equals the label, 0 elsewhere."""
    difference = word ^ (label * _ONE_IN_EACH)
    not_zero = ((difference & _LOW_BITS_IN_EACH) + _LOW_BITS_IN_EACH) | difference
    return (~not_zero >> _SEVEN) & _ONE_IN_EACH


@compiled
def _write_corner(p_word: Any, r_word: Any, i: int, j: int, k: int, n: int, labels: Any, positions: Any, codes: Any) -> int:
    """Write an entry per label around a corner, from words that are 0 where a map is uniform; return the next free entry."""
    while (p_word | r_word) != _ZERO:
        label = _lowest_label(p_word if p_word != _ZERO else r_word)
        p_same, r_same = _bytes_equal_to(p_word, label), _bytes_equal_to(r_word, label)
        labels[n] = label
        positions[0, n], positions[1, n], positions[2, n] = i, j, k
        codes[0, n], codes[1, n] = (p_same * _GATHER) >> _SEVEN_BYTES, (r_same * _GATHER) >> _SEVEN_BYTES
        n += 1
        p_word, r_word = p_word & ~(p_same * _LOW_BYTE), r_word & ~(r_same * _LOW_BYTE)
    return n


@compiled
def scan_surface_elements(
    prediction: Any, reference: Any, first: int, last: int, counts: Any, labels: Any, positions: Any, codes: Any
) -> Tuple[int, int]:
    """Write the surface elements of the corner planes from ``first`` on, as long as there is room for a whole plane.

    Parameters
    ----------
    prediction, reference
        uint8 label maps (z, y, x).
    first, last
        Corner planes; ``last`` is not included. Voxel plane i is counted with corner plane i.
    counts
        int64, shape (3, 256): voxels by label in the prediction, the reference, and both; added to.
    labels, positions, codes
        Where to write: the label, the corner (i, j, k), and the codes of the prediction and of the reference, 0 where the
        corner is not on that surface. Shapes (n,), (3, n), (2, n).

    Returns
    -------
    entries, next_plane
        How many entries were written, and the plane that comes next.
    """
    p_words, r_words = padded_planes(prediction, 2), padded_planes(reference, 2)
    p_bytes, r_bytes = p_words.view(np.uint8), r_words.view(np.uint8)
    load_plane(prediction, first - 1, p_bytes[(first - 1) & 1])
    load_plane(reference, first - 1, r_bytes[(first - 1) & 1])
    rows, corners = prediction.shape[1] + 1, prediction.shape[2] + 1
    p_mixed, r_mixed = np.zeros((2, 8 * p_words.shape[2]), np.uint8)
    p_mixed_words, r_mixed_words = p_mixed.view(np.uint64), r_mixed.view(np.uint64)
    n = 0
    for i in range(first, last):
        if n + ENTRIES_PER_PLACE * rows * corners > labels.shape[0]:
            return n, i
        load_plane(prediction, i, p_bytes[i & 1])
        load_plane(reference, i, r_bytes[i & 1])
        count_plane(p_words[i & 1], r_words[i & 1], counts)
        p_lower, p_upper, r_lower, r_upper = p_bytes[(i - 1) & 1], p_bytes[i & 1], r_bytes[(i - 1) & 1], r_bytes[i & 1]
        for j in range(rows):
            _mark_mixed_corners(p_lower, p_upper, j, corners, p_mixed)
            _mark_mixed_corners(r_lower, r_upper, j, corners, r_mixed)
            for t in range(p_mixed_words.shape[0]):
                mixed = p_mixed_words[t] | r_mixed_words[t]
                while mixed != _ZERO:
                    k, mixed = _next_byte(mixed, t)
                    p_word = _labels_around(p_lower, p_upper, j, k) if p_mixed[k] else _ZERO
                    r_word = _labels_around(r_lower, r_upper, j, k) if r_mixed[k] else _ZERO
                    n = _write_corner(p_word, r_word, i, j, k, n, labels, positions, codes)
    return n, last


@compiled
def _mark_boundary(below: Any, plane: Any, above: Any, j: int, boundary: Any) -> None:
    """Write a byte per padded byte of row ``j`` that is 0 only where the six neighbours are like the voxel."""
    row, front, behind, low, high = plane[j], plane[j - 1], plane[j + 1], below[j], above[j]
    for b in range(1, row.shape[0] - 1):
        voxel = row[b]
        across = (voxel ^ front[b]) | (voxel ^ behind[b]) | (voxel ^ low[b]) | (voxel ^ high[b])
        boundary[b] = across | (voxel ^ row[b - 1]) | (voxel ^ row[b + 1])


@compiled
def scan_boundary_voxels(
    prediction: Any, reference: Any, first: int, last: int, counts: Any, labels: Any, positions: Any, codes: Any
) -> Tuple[int, int]:
    """Write the boundary voxels of the voxel planes from ``first`` on, code 1 on each surface.

    Parameters and results are those of :func:`scan_surface_elements`.
    """
    p_words, r_words = padded_planes(prediction, 3), padded_planes(reference, 3)
    p_bytes, r_bytes = p_words.view(np.uint8), r_words.view(np.uint8)
    for i in (first - 1, first):
        load_plane(prediction, i, p_bytes[i % 3])
        load_plane(reference, i, r_bytes[i % 3])
    rows, row_bytes = prediction.shape[1], 8 * p_words.shape[2]
    p_boundary, r_boundary = np.zeros((2, row_bytes), np.uint8)
    p_boundary_words, r_boundary_words = p_boundary.view(np.uint64), r_boundary.view(np.uint64)
    n = 0
    for i in range(first, last):
        if n + ENTRIES_PER_PLACE * rows * row_bytes > labels.shape[0]:
            return n, i
        load_plane(prediction, i + 1, p_bytes[(i + 1) % 3])
        load_plane(reference, i + 1, r_bytes[(i + 1) % 3])
        p_plane, r_plane = p_bytes[i % 3], r_bytes[i % 3]
        count_plane(p_words[i % 3], r_words[i % 3], counts)
        for j in range(1, rows + 1):
            _mark_boundary(p_bytes[(i - 1) % 3], p_plane, p_bytes[(i + 1) % 3], j, p_boundary)
            _mark_boundary(r_bytes[(i - 1) % 3], r_plane, r_bytes[(i + 1) % 3], j, r_boundary)
            for t in range(p_boundary_words.shape[0]):
                boundary = p_boundary_words[t] | r_boundary_words[t]
                while boundary != _ZERO:
                    b, boundary = _next_byte(boundary, t)
                    p = p_plane[j, b] if p_boundary[b] else np.uint8(0)
                    r = r_plane[j, b] if r_boundary[b] else np.uint8(0)
                    for label in (p, r) if p != r else (p, np.uint8(0)):
                        if label != 0:
                            labels[n] = label
                            positions[0, n], positions[1, n], positions[2, n] = i, j - 1, b - 1
                            codes[0, n], codes[1, n] = label == p, label == r
                            n += 1
    return n, last
