"""Bring an array into the orientation that nnU-Net's ``…WithReorient`` readers give, and labels back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.geometry import Geometry


@dataclass(frozen=True)
class Reorientation:
    """A permutation of (z, y, x) followed by flips; both act on views, nothing is copied.

    Attributes
    ----------
    permutation
        Source axis of each axis of the result.
    flipped
        Axes of the result that run backwards.
    """

    permutation: Tuple[int, int, int] = (0, 1, 2)
    flipped: Tuple[int, ...] = ()

    def forward(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the reoriented view of an array of shape (z, y, x)."""
        return np.flip(array.transpose(self.permutation), self.flipped)

    def backward(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the view in the original orientation."""
        return np.flip(array, self.flipped).transpose(tuple(int(i) for i in np.argsort(self.permutation)))


def reorientation_to_ras(geometry: Geometry) -> Reorientation:
    """Return how to make the index axes (x, y, z) run to right, anterior and superior as closely as the grid allows.

    Each patient axis gets the index axis with the largest cosine, taken greedily from the largest on, as ITK's
    ``DICOMOrient`` and nibabel's ``as_closest_canonical`` do.
    """
    cosines = geometry.matrix.copy()
    index_axis_of = [0, 0, 0]
    runs_backward = [False, False, False]
    for _ in range(3):
        patient, index = np.unravel_index(int(np.abs(cosines).argmax()), (3, 3))
        index_axis_of[patient] = int(index)
        toward = -1.0 if patient < 2 else 1.0  # LPS: right and anterior are negative
        runs_backward[patient] = bool(geometry.matrix[patient, index] * toward < 0)
        cosines[patient, :] = 0
        cosines[:, index] = 0
    permutation = tuple(2 - index_axis_of[2 - axis] for axis in range(3))
    flipped = tuple(axis for axis in range(3) if runs_backward[2 - axis])
    return Reorientation((permutation[0], permutation[1], permutation[2]), flipped)
