"""NSD, Hausdorff distances and mean surface distances of one class from its surface distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import SurfaceDistances, WeightedDistances
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
    ways = [WeightedDistances(way, weights) for way in (distances.from_prediction, distances.from_reference)]
    total = sum(way.total for way in ways)
    # Not by @: a threaded BLAS burns the time of other cores.
    weighted_sums = [float((way.distances_mm * way.own).sum()) for way in ways]
    return SurfaceSummary(
        nsd=tuple(sum(_weight_within(way, tolerance) for way in ways) / total for tolerance in tolerances_mm),
        hd_mm=max(way.largest_mm for way in ways),
        hd_percentiles_mm=tuple(max(_percentile_mm(way, definition, percent) for way in ways) for percent in percentiles),
        assd_mm=sum(weighted_sums) / total,
        masd_mm=sum(s / way.total for s, way in zip(weighted_sums, ways)) / 2.0,
    )


def _weight_within(way: WeightedDistances, tolerance_mm: float) -> float:
    if way.largest_mm <= tolerance_mm:
        return way.total
    return way.at_zero + float(way.own.compress(way.distances_mm <= tolerance_mm).sum())


def _percentile_mm(way: WeightedDistances, definition: SurfaceDefinition, percent: float) -> float:
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        return weighted_percentile_mm(way, percent)
    return interpolated_percentile_mm(way.directed, percent)
