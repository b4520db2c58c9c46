"""Kernels that find the surface places of all classes in one plane of two label maps.

A plane is padded: voxel (j, k) is byte (j + 1, k + 8), everything around it is background. The same memory, seen as uint64
words, lets eight voxels be compared at once; only where a word is mixed are single voxels looked at.
"""
# ruff: noqa: PLR0917, SIM110 (compiled functions take plain arrays, by position, and no generators)

from __future__ import annotations

from typing import Any

import numpy as np

from kdseg_training.metrics.numba_engine.jit import compiled

PAD = 8
"""Background bytes in front of every row: one word."""

BYTE = np.uint64(8)
_SEVEN_BYTES = np.uint64(56)
_LOW_BYTE = np.uint64(255)
_ALL_ONES = np.uint64(0x0101010101010101)
_ZERO = np.uint64(0)


@compiled
def count_plane(prediction: Any, reference: Any, counts: Any) -> None:
    """Add the voxels of two padded planes, seen as words, to ``counts`` of shape (3, 256): prediction, reference, both."""
    for j in range(prediction.shape[0]):
        for t in range(prediction.shape[1]):
            p, r = prediction[j, t], reference[j, t]
            if (p | r) == _ZERO:
                continue
            p0, r0 = p & _LOW_BYTE, r & _LOW_BYTE
            if p == p0 * _ALL_ONES and r == r0 * _ALL_ONES:
                counts[0, p0] += 8
                counts[1, r0] += 8
                if p0 == r0:
                    counts[2, p0] += 8
                continue
            for s in range(8):
                shift = np.uint64(8 * s)
                a, b = (p >> shift) & _LOW_BYTE, (r >> shift) & _LOW_BYTE
                counts[0, a] += 1
                counts[1, b] += 1
                if a == b:
                    counts[2, a] += 1


@compiled
def _next_voxel(word: Any, following: Any) -> Any:
    """Return the word that starts one voxel later."""
    return (word >> BYTE) | (following << _SEVEN_BYTES)


@compiled
def _mixed_corners(lower: Any, upper: Any, j: int, t: int) -> Any:
    """Return a word whose byte s is not 0 where the 2×2×2 neighbourhood above padded byte (j, 8 t + s) is not uniform."""
    first, following = lower[j, t], lower[j, t + 1]
    across = (first ^ lower[j + 1, t]) | (first ^ upper[j, t]) | (first ^ upper[j + 1, t])
    across_following = (following ^ lower[j + 1, t + 1]) | (following ^ upper[j, t + 1]) | (following ^ upper[j + 1, t + 1])
    return across | _next_voxel(across, across_following) | (first ^ _next_voxel(first, following))


@compiled
def _neighbourhood(lower: Any, upper: Any, j: int, b: int, labels: Any) -> None:
    """Write the eight labels above padded byte (j, b) of two planes; voxel (i, j, k) goes to place 4 i + 2 j + k."""
    for row in range(2):
        for column in range(2):
            labels[2 * row + column] = lower[j + row, b + column]
            labels[4 + 2 * row + column] = upper[j + row, b + column]


@compiled
def _code(labels: Any, label: int) -> int:
    """Return the bits of the places that hold ``label``."""
    code = 0
    for place in range(8):
        code |= (1 << place) if labels[place] == label else 0
    return code


@compiled
def _occurs_before(labels: Any, stop: int) -> bool:
    """Tell whether the label at place ``stop`` stands at an earlier place too."""
    for place in range(stop):
        if labels[place] == labels[stop]:
            return True
    return False


@compiled
def scan_surface_elements(prediction: Any, reference: Any, i: int, labels: Any, positions: Any, codes: Any) -> int:
    """Write the surface elements of corner plane ``i`` and return their number.

    Parameters
    ----------
    prediction, reference
        Pairs of padded planes (below, above the corners) as words, shape (2, rows + 2, words).
    i
        Index of the corner plane.
    labels, positions, codes
        Where to write: the label, the corner (i, j, k), and the codes of the prediction and of the reference, 0 where the
        corner is not on that surface. Shapes (n,), (3, n), (2, n); a corner takes 16 entries at most.
    """
    n = 0
    prediction_bytes, reference_bytes = prediction.view(np.uint8), reference.view(np.uint8)
    both = np.zeros(16, np.uint8)  # the labels of the prediction, then of the reference
    for j in range(prediction.shape[1] - 1):
        for t in range(prediction.shape[2] - 1):
            p_mixed = _mixed_corners(prediction[0], prediction[1], j, t)
            r_mixed = _mixed_corners(reference[0], reference[1], j, t)
            if (p_mixed | r_mixed) == _ZERO:
                continue
            for s in range(8):
                shift = np.uint64(8 * s)
                p_here, r_here = ((p_mixed >> shift) & _LOW_BYTE) != _ZERO, ((r_mixed >> shift) & _LOW_BYTE) != _ZERO
                if not (p_here or r_here):
                    continue
                b = 8 * t + s
                _neighbourhood(prediction_bytes[0], prediction_bytes[1], j, b, both[:8])
                _neighbourhood(reference_bytes[0], reference_bytes[1], j, b, both[8:])
                for place in range(16):
                    label = both[place]
                    if label == 0 or _occurs_before(both, place):
                        continue
                    p_code, r_code = _code(both[:8], label), _code(both[8:], label)
                    p_code = 0 if p_code == 255 else p_code
                    r_code = 0 if r_code == 255 else r_code
                    if p_code | r_code:
                        labels[n] = label
                        positions[0, n], positions[1, n], positions[2, n] = i, j, b + 1 - PAD
                        codes[0, n], codes[1, n] = p_code, r_code
                        n += 1
    return n


@compiled
def _boundary_voxels(planes: Any, j: int, t: int) -> Any:
    """Return a word whose byte s is not 0 where one of the six neighbours of padded byte (j, 8 t + s) differs from it."""
    word = planes[1, j, t]
    after = _next_voxel(word, planes[1, j, t + 1])
    before = (word << BYTE) | (planes[1, j, t - 1] >> _SEVEN_BYTES)
    along = (word ^ after) | (word ^ before)
    return (
        along
        | (word ^ planes[1, j - 1, t])
        | (word ^ planes[1, j + 1, t])
        | (word ^ planes[0, j, t])
        | (word ^ planes[2, j, t])
    )


@compiled
def scan_boundary_voxels(prediction: Any, reference: Any, i: int, labels: Any, positions: Any, codes: Any) -> int:
    """Write the boundary voxels of voxel plane ``i``, code 1 on each surface, and return their number.

    Parameters are those of :func:`scan_surface_elements`, but for three padded planes (below, this one, above).
    """
    n = 0
    prediction_bytes, reference_bytes = prediction.view(np.uint8), reference.view(np.uint8)
    for j in range(1, prediction.shape[1] - 1):
        for t in range(1, prediction.shape[2] - 1):
            if (prediction[1, j, t] | reference[1, j, t]) == _ZERO:
                continue
            p_word, r_word = _boundary_voxels(prediction, j, t), _boundary_voxels(reference, j, t)
            if (p_word | r_word) == _ZERO:
                continue
            for s in range(8):
                shift = np.uint64(8 * s)
                b = 8 * t + s
                p = prediction_bytes[1, j, b] if ((p_word >> shift) & _LOW_BYTE) != _ZERO else np.uint8(0)
                r = reference_bytes[1, j, b] if ((r_word >> shift) & _LOW_BYTE) != _ZERO else np.uint8(0)
                for label in (p, r) if p != r else (p, np.uint8(0)):
                    if label != 0:
                        labels[n] = label
                        positions[0, n], positions[1, n], positions[2, n] = i, j - 1, b - PAD
                        codes[0, n], codes[1, n] = label == p, label == r
                        n += 1
    return n
