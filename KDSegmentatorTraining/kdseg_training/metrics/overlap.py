"""Overlap of two masks from three voxel counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class OverlapCounts:
    """Voxels of one class.

    Attributes
    ----------
    prediction, reference, both
        Number of voxels in the prediction, in the reference, and in both.

    Raises
    ------
    ValueError
        If ``both`` is negative or larger than one of the other two.
    """

    prediction: int
    reference: int
    both: int

    def __post_init__(self) -> None:
        if not 0 <= self.both <= min(self.prediction, self.reference):
            raise ValueError(f"{self.both} common voxels do not fit {self.prediction} predicted and {self.reference} reference")

    @property
    def dice(self) -> float:
        """``2 |P ∩ R| / (|P| + |R|)``, NaN when both are empty: Dice 1945, doi:10.2307/1932409."""
        total = self.prediction + self.reference
        return 2.0 * self.both / total if total else math.nan

    @property
    def iou(self) -> float:
        """``|P ∩ R| / |P ∪ R|``, NaN when both are empty: Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x."""
        union = self.prediction + self.reference - self.both
        return self.both / union if union else math.nan

    @property
    def relative_volume_difference(self) -> float:
        """``(|P| − |R|) / |R|``: −1 for a missed class, inf for a hallucinated one, NaN when both are empty."""
        if self.reference:
            return (self.prediction - self.reference) / self.reference
        return math.inf if self.prediction else math.nan


def overlap_counts(prediction: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> OverlapCounts:
    """Count the voxels of two boolean masks of one shape."""
    return OverlapCounts(
        prediction=int(np.count_nonzero(prediction)),
        reference=int(np.count_nonzero(reference)),
        both=int(np.count_nonzero(prediction & reference)),
    )
