"""Half-precision numbers as sortable integers.

NumPy computes with ``float16`` in software, several nanoseconds an element; comparing integers takes a fraction of one.
The bits of a half-precision number, with the lower fifteen inverted where the sign is set, sort as 16-bit integers exactly
like the numbers.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import EngineError

Keys = npt.NDArray[np.int16]
HalfArray = npt.NDArray[np.float16]

CHUNK_ELEMENTS = 2**19
"""Sums that are compared at a time: a megabyte, so that a chunk stays in the processor's cache."""

LARGEST_FINITE_KEY = 0x7BFF
"""Key of 65504, the largest finite half-precision number."""

CLOSE_KEYS = 16
"""Two sums whose keys differ by more than this differ, divided by the same weight, by at least three steps of half precision.

That holds for every weight as long as the larger quotient is a normal number, because a step is at most 2⁻¹⁰ and at least 2⁻¹¹
of one (:data:`SMALL_LOGIT` takes care of the rest); and two logits that are three steps apart stay apart after linear
interpolation and rounding (see :mod:`kdseg.labelling.interpolation`).
"""

SMALL_LOGIT = 2.0**-12
"""Where the largest logit is nearer to 0 than this, steps of half precision are no longer relative to the value."""


def keys_of(values: HalfArray) -> Keys:
    """Return integers that sort like ``values``; −0 and +0 get the same key."""
    keys = _keys_with_two_zeros(values)
    keys += keys == -1
    return keys


def quotients(sums: HalfArray, weights: HalfArray) -> HalfArray:
    """Return sums divided by weights: in single precision, rounded to half, as ``torch.div`` does for half precision.

    Raises
    ------
    EngineError
        If a quotient is too large for half precision; nnU-Net stops at infinities as well.
    """
    with np.errstate(over="ignore"):
        logits: HalfArray = (sums.astype(np.float32) / weights.astype(np.float32)).astype(np.float16)
    check_finite(keys_of(logits))
    return logits


def first_largest(
    sums: HalfArray, largest_weight: float, dtype: npt.DTypeLike
) -> Tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return for each voxel the head with the largest sum, the lowest of equals, and where a lower head comes close to it.

    Parameters
    ----------
    sums
        Shape (head, …).
    largest_weight
        The largest weight by which these sums will be divided.
    dtype
        Integer type of the result.

    Returns
    -------
    head
        Index of the largest sum.
    close
        True where a head with a lower index is within :data:`CLOSE_KEYS` or all are near 0, so that dividing and rounding may
        make two heads equal and the lower one win.

    Raises
    ------
    EngineError
        If a sum is not finite; nnU-Net stops at infinities as well.
    """
    heads = len(sums)
    columns = sums.reshape(heads, -1)
    head = np.empty(columns.shape[1], dtype=dtype)
    close = np.empty(columns.shape[1], dtype=np.bool_)
    small = int(keys_of(np.asarray([largest_weight * SMALL_LOGIT], dtype=np.float16))[0]) + 1
    descending = np.arange(heads, 0, -1, dtype=np.uint8 if heads < 256 else np.uint16)[:, None]
    step = max(1, CHUNK_ELEMENTS // heads)
    for start in range(0, len(head), step):
        part = slice(start, start + step)
        keys = _keys_with_two_zeros(columns[:, part])
        best = keys.max(axis=0)
        check_finite(best)
        check_finite(keys.min(axis=0))
        near = (keys >= best - np.int16(CLOSE_KEYS)).view(np.uint8).astype(descending.dtype, copy=False)
        head[part] = heads - (near * descending).max(axis=0)  # the lowest head that is near the largest sum
        close[part] = (best <= small) & (best >= -small)
        several = np.flatnonzero(near.sum(axis=0, dtype=descending.dtype) > 1)
        if len(several):
            largest = keys_of(columns[:, part][:, several]).argmax(axis=0)
            close[part][several] |= head[part][several] < largest
            head[part][several] = largest
    return head.reshape(sums.shape[1:]), close.reshape(sums.shape[1:])


def _keys_with_two_zeros(values: HalfArray) -> Keys:
    """Return integers that sort like ``values``, but for −0, which is just below +0; a new array."""
    bits = np.ascontiguousarray(values).view(np.int16)
    keys = bits >> 15
    keys &= 0x7FFF
    keys ^= bits
    return keys


def check_finite(keys: Keys) -> None:
    """Raise :class:`EngineError` if a key is that of an infinity or of a value that is not a number."""
    if keys.size and (keys.max() > LARGEST_FINITE_KEY or keys.min() < -LARGEST_FINITE_KEY - 1):
        raise EngineError(
            "The network gave logits that half precision cannot hold.",
            expected="finite logits below 65504",
            found="infinity or not-a-number",
            remedy="Check the intensities of the image and the student.",
        )
