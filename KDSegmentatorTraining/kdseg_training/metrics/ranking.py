"""Rank several models cell by cell; infinite distances are simply the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Rank:
    """Place of one model among those compared; 1 is best.

    Attributes
    ----------
    mean, median
        Over all cells that every model has a value for.
    cells
        Number of those cells.
    """

    mean: float
    median: float
    cells: int


def mean_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rank of each value, 1 for the smallest; equal values, infinite ones too, share the mean of their ranks."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2.0)[group]
    return ranks


def rank_models(models: Mapping[str, npt.NDArray[np.float64]], *, larger_is_better: bool) -> Dict[str, Rank]:
    """Rank the models in every (case, class) cell, ties with their mean rank, then aggregate the ranks.

    Ranking before averaging needs no penalty for missed classes: Maier-Hein et al. 2018, doi:10.1038/s41467-018-07619-7.

    Parameters
    ----------
    models
        One metric by model name, matrices of one shape (case, class); NaN leaves the cell out for all models.
    larger_is_better
        True for overlap metrics, False for distances.

    Raises
    ------
    ValueError
        If there are no models, their shapes differ, or no cell has a value of every model.
    """
    if not models or len({matrix.shape for matrix in models.values()}) != 1:
        raise ValueError("expected matrices of one shape, one for each model")
    cells = np.stack([matrix.ravel() for matrix in models.values()])
    cells = cells[:, ~np.isnan(cells).any(axis=0)]
    if not cells.shape[1]:
        raise ValueError("no cell has a value of every model")
    ranks = np.apply_along_axis(mean_ranks, 0, -cells if larger_is_better else cells)
    return {name: Rank(float(row.mean()), float(np.median(row)), row.size) for name, row in zip(models, ranks)}
