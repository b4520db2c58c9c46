"""NSD, Hausdorff distances and mean surface distances of one class from its surface distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import DirectedDistances, SurfaceDistances
from kdseg_training.metrics.percentiles import interpolated_percentile_mm, weighted_percentile_mm


@dataclass(frozen=True)
class SurfaceSummary:
    """Surface metrics of one class; the surfaces of prediction *P* and reference *R* with weights *w* and distances *d*.

    Attributes
    ----------
    nsd
        Normalised surface distance (surface Dice) for each tolerance τ: ``(Σ_P w[d ≤ τ] + Σ_R w[d ≤ τ]) / (Σ_P w + Σ_R w)``.
        Nikolov et al. 2021, doi:10.2196/26151.
    hd_mm
        Hausdorff distance: the largest distance of either direction. Huttenlocher et al. 1993, doi:10.1109/34.232073.
    hd_percentiles_mm
        For each percentile, the larger of the two directed percentiles.
    assd_mm
        Average symmetric surface distance: ``(Σ_P w d + Σ_R w d) / (Σ_P w + Σ_R w)``. Heimann et al. 2009,
        doi:10.1109/TMI.2009.2013851.
    masd_mm
        Mean average surface distance, each direction counted alike: ``(Σ_P w d / Σ_P w + Σ_R w d / Σ_R w) / 2``. Maier-Hein et
        al. 2024, doi:10.1038/s41592-023-02151-z.
    """

    nsd: Tuple[float, ...]
    hd_mm: float
    hd_percentiles_mm: Tuple[float, ...]
    assd_mm: float
    masd_mm: float


@dataclass(frozen=True)
class _Direction:
    """Weighted sums of one direction."""

    weight: float
    weighted_distance: float
    largest_mm: float
    weight_within: npt.NDArray[np.float64]


def summarise(
    distances: SurfaceDistances,
    weights: npt.NDArray[np.float64],
    definition: SurfaceDefinition,
    tolerances_mm: Sequence[float],
    percentiles: Sequence[float],
) -> SurfaceSummary:
    """Return the surface metrics of one class.

    Parameters
    ----------
    distances
        Distances both ways.
    weights
        Weight of a place by its code, shape (256,).
    definition
        Decides how a percentile is taken.
    tolerances_mm
        Largest distances that count as within, as compared: any allowance is already in them.
    percentiles
        In percent, above 0 and at most 100.
    """
    prediction = _sums(distances.from_prediction, weights, tolerances_mm)
    reference = _sums(distances.from_reference, weights, tolerances_mm)
    total = prediction.weight + reference.weight
    means = prediction.weighted_distance / prediction.weight, reference.weighted_distance / reference.weight
    return SurfaceSummary(
        nsd=tuple(((prediction.weight_within + reference.weight_within) / total).tolist()),
        hd_mm=max(prediction.largest_mm, reference.largest_mm),
        hd_percentiles_mm=tuple(
            max(
                _percentile_mm(distances.from_prediction, weights, definition, percent),
                _percentile_mm(distances.from_reference, weights, definition, percent),
            )
            for percent in percentiles
        ),
        assd_mm=(prediction.weighted_distance + reference.weighted_distance) / total,
        masd_mm=sum(means) / 2.0,
    )


def _sums(directed: DirectedDistances, weights: npt.NDArray[np.float64], tolerances_mm: Sequence[float]) -> _Direction:
    own = weights.take(directed.codes)
    at_zero = float(directed.coincident @ weights)
    within = [at_zero + float(own[directed.distances_mm <= tolerance].sum()) for tolerance in tolerances_mm]
    return _Direction(
        weight=at_zero + float(own.sum()),
        weighted_distance=float((directed.distances_mm * own).sum()),  # not @: a threaded BLAS burns the time of other cores
        largest_mm=float(directed.distances_mm.max(initial=0.0)),
        weight_within=np.asarray(within, dtype=np.float64),
    )


def _percentile_mm(
    directed: DirectedDistances, weights: npt.NDArray[np.float64], definition: SurfaceDefinition, percent: float
) -> float:
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        return weighted_percentile_mm(directed, weights, percent)
    return interpolated_percentile_mm(directed, percent)
