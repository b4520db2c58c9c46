"""Distances between two surfaces, as every engine returns them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DirectedDistances:
    """Distances from the places of one surface to the nearest place of the other.

    Attributes
    ----------
    distances_mm
        float64, shape (n,): of the places that lie on this surface only, in no particular order.
    codes
        uint8, shape (n,): their codes, which give their weights.
    coincident
        int64, shape (256,): how many places of each code lie on both surfaces; their distance is 0.
    """

    distances_mm: npt.NDArray[np.float64]
    codes: npt.NDArray[np.uint8]
    coincident: npt.NDArray[np.int64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between the surfaces of a prediction and of its reference, both ways; both surfaces exist."""

    from_prediction: DirectedDistances
    from_reference: DirectedDistances


class WeightedDistances:
    """Distances of one direction with the weight of each place, looked up once.

    Parameters
    ----------
    directed
        The distances; at least one place.
    weights
        Weight by code, shape (256,).

    Attributes
    ----------
    distances_mm, own
        float64, shape (n,): of the places that lie on one surface only, with their weights.
    at_zero, total
        Weight of the places that lie on both surfaces, and of all.
    largest_mm
        The largest distance.
    """

    def __init__(self, directed: DirectedDistances, weights: npt.NDArray[np.float64]) -> None:
        self.directed = directed
        self.weights = weights
        self.distances_mm = directed.distances_mm
        self.own = weights.take(directed.codes)
        self.at_zero = float(directed.coincident @ weights)
        self.total = self.at_zero + float(self.own.sum())
        self.largest_mm = float(directed.distances_mm.max(initial=0.0))
