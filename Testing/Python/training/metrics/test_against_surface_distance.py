"""The default definition gives DeepMind's numbers on more than 500 pairs, random and real, on five grids."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from kdseg_training.metrics import surface_metrics

LEAST_PAIRS = 500
PAIRS_OF_A_KIND = 45
AGREEMENT = 1e-9
"""A thousandth of what is promised."""

PERCENTILES = (50.0, 95.0, 99.0)


def _theirs(package, prediction, reference, spacing_mm, tolerances_mm):
    distances = package.compute_surface_distances(reference, prediction, spacing_mm)
    to_prediction, to_reference = package.compute_average_surface_distance(distances)
    area_reference, area_prediction = distances["surfel_areas_gt"].sum(), distances["surfel_areas_pred"].sum()
    return {
        "dice": package.compute_dice_coefficient(reference, prediction),
        "nsd": [package.compute_surface_dice_at_tolerance(distances, t) for t in tolerances_mm],
        "percentiles": [package.compute_robust_hausdorff(distances, p) for p in PERCENTILES],
        "hd": max(distances["distances_gt_to_pred"].max(), distances["distances_pred_to_gt"].max()),
        "masd": (to_prediction + to_reference) / 2,
        "assd": (to_prediction * area_reference + to_reference * area_prediction) / (area_reference + area_prediction),
    }


def _ours(prediction, reference, spacing_mm, tolerances_mm, engine):
    measured = surface_metrics(
        prediction, reference, spacing_mm, [1], tolerances_mm, percentiles=PERCENTILES, engine=engine, strict_tolerance=True
    )[1]
    return {
        "dice": measured.dice,
        "nsd": list(measured.nsd.values()),
        "percentiles": list(measured.hd_percentiles_mm.values()),
        "hd": measured.hd_mm,
        "masd": measured.masd_mm,
        "assd": measured.assd_mm,
    }


def test_every_metric_equals_theirs_on_more_than_500_pairs(surface_distance, pairs_of_every_kind) -> None:
    compared, anisotropic, thin, at_the_border = 0, 0, 0, 0
    for kind, prediction, reference, spacing_mm in pairs_of_every_kind(PAIRS_OF_A_KIND):
        tolerances_mm = sorted({0.5, 2.0 * min(spacing_mm), max(spacing_mm), 20.0})
        theirs = _theirs(surface_distance, prediction, reference, spacing_mm, tolerances_mm)
        for engine in ("numpy", "numba"):
            ours = _ours(prediction, reference, spacing_mm, tolerances_mm, engine)
            for metric, expected in theirs.items():
                np.testing.assert_allclose(ours[metric], expected, rtol=0, atol=AGREEMENT, err_msg=f"{kind} {engine} {metric}")
        compared += 1
        anisotropic += max(spacing_mm) >= 2.0 * min(spacing_mm)
        thin += not ndimage.binary_erosion(reference, np.ones((2, 2, 2))).any()
        at_the_border += bool(reference[0].any() or reference[-1].any())
    assert compared > LEAST_PAIRS
    assert min(anisotropic, thin, at_the_border) > 100


@pytest.mark.parametrize("missed", [True, False])
def test_one_empty_mask_counts_as_theirs(surface_distance, random_pairs, missed: bool, engine: str) -> None:
    for mask, _, spacing_mm in random_pairs(2):
        empty = np.zeros_like(mask)
        prediction, reference = (empty, mask) if missed else (mask, empty)
        distances = surface_distance.compute_surface_distances(reference, prediction, spacing_mm)
        measured = surface_metrics(prediction, reference, spacing_mm, [1], engine=engine)[1]
        assert measured.nsd[1.0] == surface_distance.compute_surface_dice_at_tolerance(distances, 1.0) == 0.0
        assert measured.hd_percentiles_mm[95.0] == surface_distance.compute_robust_hausdorff(distances, 95) == math.inf
        assert measured.dice == surface_distance.compute_dice_coefficient(reference, prediction) == 0.0


def test_both_engines_give_the_same_bits_of_distance(random_pairs) -> None:
    for prediction, reference, spacing_mm in random_pairs(10):
        results = [
            surface_metrics(prediction, reference, spacing_mm, [1], percentiles=(95.0, 100.0), engine=name)[1]
            for name in ("numpy", "numba")
        ]
        assert results[0].hd_mm == results[1].hd_mm == results[1].hd_percentiles_mm[100.0]
        assert results[0].hd_percentiles_mm == results[1].hd_percentiles_mm
        assert results[0].counts == results[1].counts
