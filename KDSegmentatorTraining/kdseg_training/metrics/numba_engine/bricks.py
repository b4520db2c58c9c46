"""Places grouped into bricks of 8×8×8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int32]

BRICK_BITS = 3
"""A brick has 2³ places along each axis."""


@dataclass(frozen=True)
class Bricks:
    """Places grouped by the brick they lie in.

    Attributes
    ----------
    order
        int64, shape (n,): indices of the places, brick after brick.
    starts
        int64, shape (m + 1,): where each of the m occupied bricks starts in ``order``.
    low, high
        int32, shape (3, m): lowest and highest position of its places along each axis.
    """

    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    low: Places
    high: Places


def group_into_bricks(places: Places) -> Bricks:
    """Group places, int32 of shape (3, n) with n > 0 and no negative position, by brick."""
    brick = places >> BRICK_BITS
    extent = brick.max(axis=1).astype(np.int64) + 1
    numbers = (brick[0].astype(np.int64) * extent[1] + brick[1]) * extent[2] + brick[2]
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    firsts = np.flatnonzero(np.concatenate([[True], sorted_numbers[1:] != sorted_numbers[:-1]]))
    sorted_places = np.take(places, order, axis=1)
    return Bricks(
        order=order,
        starts=np.append(firsts, places.shape[1]),
        low=np.minimum.reduceat(sorted_places, firsts, axis=1),
        high=np.maximum.reduceat(sorted_places, firsts, axis=1),
    )
