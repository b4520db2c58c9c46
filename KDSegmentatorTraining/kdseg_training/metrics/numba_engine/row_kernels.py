"""Kernels that find near places of a surface: the nearest bit in rows of bits, row by row.

Squared distances are always ``(di s0)² + (dj s1)² + (dk s2)²``, added in this order, as SciPy's distance transform does.
"""
# ruff: noqa: PLR0917 (compiled functions take plain arrays, by position)

from __future__ import annotations

from typing import Any

import numpy as np

from kdseg_training.metrics.numba_engine.jit import compiled, leading_zeros, trailing_zeros

WINDOW_BELOW = 32
"""The 64-bit window of a query covers 32 places below it, itself, and 31 above."""

_BELOW = np.uint64(WINDOW_BELOW)
_ONE = np.uint64(1)
_LAST_BIT = np.uint64(63)


@compiled
def set_bits(positions: Any, codes: Any, low: Any, margin: Any, bits: Any) -> None:
    """Enter the places of a surface into rows of bits.

    Parameters
    ----------
    positions, codes
        int32, shape (3, n), and uint8, shape (n,): places of a class, on the surface where the code is not 0.
    low
        Lowest position along each axis; it becomes (0, 0, 0).
    margin
        Empty rows in front of each of the first two axes of ``bits``.
    bits
        uint64, all 0: place (i, j, k) becomes bit k + 32 of row (i + margin[0], j + margin[1]).
    """
    for q in range(positions.shape[1]):
        if codes[q] != 0:
            bit = positions[2, q] - low[2] + WINDOW_BELOW
            i, j = positions[0, q] - low[0] + margin[0], positions[1, q] - low[1] + margin[1]
            bits[i, j, bit >> 6] |= _ONE << np.uint64(bit & 63)


@compiled
def _steps_to_nearest_bit(window: Any) -> Any:
    """Return how many places the nearest set bit of a window lies from its bit 32; 64 where no bit is set."""
    return min(trailing_zeros(window >> _BELOW), leading_zeros(window << _BELOW) + _ONE)


@compiled
def _search_rows_around(word: int, shift: Any, bits: Any, row_jumps: Any, row_squared_mm2: Any, spacing_mm: float) -> float:
    """Return the squared distance to the nearest bit of the rows around a place.

    An empty window counts as a bit 64 places away, which is out of reach: so no branch is needed that nobody could predict.
    """
    best = np.inf
    for o in range(row_jumps.shape[0]):
        if row_squared_mm2[o] >= best:
            break
        t = np.uint64(word + row_jumps[o])
        window = (bits[t] >> shift) | ((bits[t + _ONE] << _ONE) << (_LAST_BIT - shift))
        along_mm = np.float64(_steps_to_nearest_bit(window)) * spacing_mm
        best = min(best, row_squared_mm2[o] + along_mm * along_mm)
    return best


@compiled
def search_rows(
    positions: Any,
    codes: Any,
    target_codes: Any,
    low: Any,
    margin: Any,
    bits: Any,
    row_jumps: Any,
    row_squared_mm2: Any,
    spacing_mm: Any,
    proven_mm2: float,
    coincident: Any,
    alone: Any,
    squared_mm2: Any,
) -> int:
    """Visit the rows around each place in order of their lateral distance until none can hold a nearer target.

    Parameters
    ----------
    positions
        int32, shape (3, n): places of a class.
    codes, target_codes
        uint8, shape (n,): their codes on the surface to start from and on the other one.
    low, margin, bits
        The target places, see :func:`set_bits`.
    row_jumps, row_squared_mm2
        int64 and float64, shape (m,): words from a row to those around it, and their squared lateral distance, ascending.
    spacing_mm
        Spacing along the array axes.
    proven_mm2
        Squared distance up to which nothing can be missed.
    coincident
        int64, shape (256,): places on both surfaces by code; added to.
    alone
        int32, shape (n,): where to write which places lie on the first surface only.
    squared_mm2
        Where to write their squared distance, inf where it is above ``proven_mm2``.

    Returns
    -------
    int
        How many places lie on the first surface only.
    """
    words = bits.reshape(-1)
    n = 0
    for q in range(positions.shape[1]):
        if codes[q] == 0:
            continue
        if target_codes[q] != 0:
            coincident[codes[q]] += 1
            continue
        i, j, k = positions[0, q] - low[0], positions[1, q] - low[1], positions[2, q] - low[2]
        word = ((i + margin[0]) * bits.shape[1] + j + margin[1]) * bits.shape[2] + (k >> 6)
        best = _search_rows_around(word, np.uint64(k & 63), words, row_jumps, row_squared_mm2, spacing_mm[2])
        alone[n] = q
        squared_mm2[n] = best if best <= proven_mm2 else np.inf
        n += 1
    return n
