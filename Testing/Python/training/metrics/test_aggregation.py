"""Every case is counted: four cases, one of each status, averaged under every policy."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from kdseg.errors import InputError
from kdseg.geometry import Geometry
from kdseg.segmentation import Segmentation
from kdseg_training.metrics import CaseMetrics, SurfaceDefinition, evaluate_pair
from kdseg_training.metrics.aggregation import StatusCounts, aggregate, count_statuses, metric_matrix
from kdseg_training.metrics.policies import (
    BRATS,
    DETECTED_ONLY,
    METRICS_RELOADED,
    NNUNET,
    PENALISED,
    PRESENT_ONLY,
    PRESETS,
    RANKED,
    value_under,
)

DIAGONAL_MM = math.sqrt(12**2 + 10**2 + 6**2)
NAN, INF = math.nan, math.inf


def _case(name: str, predicted: bool, referenced: bool) -> CaseMetrics:
    """One voxel of 1×2×3 mm in a volume of 6×10×12 mm; where both have it, they agree."""
    masks = []
    for present in (predicted, referenced):
        mask = np.zeros((4, 5, 6), np.uint8)
        mask[1, 1, 1] = present
        masks.append(Segmentation(mask, Geometry(mask.shape, (1.0, 2.0, 3.0)), ()))
    return evaluate_pair(*masks, [1], case=name)


@pytest.fixture(scope="module")
def cases() -> list[CaseMetrics]:
    """Hit, missed, hallucinated, empty in both."""
    return [_case("hit", True, True), _case("miss", False, True), _case("false", True, False), _case("none", False, False)]


EXPECTED = {
    PENALISED: ([1, 0, 0, NAN], [0, DIAGONAL_MM, DIAGONAL_MM, NAN]),
    DETECTED_ONLY: ([1, NAN, NAN, NAN], [0, NAN, NAN, NAN]),
    RANKED: ([1, 0, 0, NAN], [0, INF, INF, NAN]),
    NNUNET: ([1, 0, 0, NAN], [0, NAN, NAN, NAN]),
    METRICS_RELOADED: ([1, 0, 0, 1], [0, NAN, NAN, 0]),
    BRATS: ([1, 0, 0, 1], [0, 373.12866, 373.12866, 0]),
    PRESENT_ONLY: ([1, 0, NAN, NAN], [0, DIAGONAL_MM, NAN, NAN]),
}


def test_every_policy_is_tested() -> None:
    assert set(EXPECTED) == set(PRESETS)
    assert len({policy.name for policy in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("policy", PRESETS, ids=lambda policy: policy.name)
def test_what_each_status_counts_for(cases, policy) -> None:
    overlap, distance = EXPECTED[policy]
    for metric in ("dice", "iou", "nsd_1mm"):
        np.testing.assert_allclose(metric_matrix(cases, [1], metric, policy)[:, 0], overlap)
    for metric in ("hd_mm", "hd95_mm", "assd_mm", "masd_mm"):
        np.testing.assert_allclose(metric_matrix(cases, [1], metric, policy)[:, 0], distance, rtol=1e-7)


def test_volumes_are_not_up_to_a_policy(cases) -> None:
    relative = metric_matrix(cases, [1], "relative_volume_difference")[:, 0]
    np.testing.assert_array_equal(relative, [0, -1, NAN, NAN])
    difference = metric_matrix(cases, [1], "volume_difference_ml")[:, 0]
    np.testing.assert_allclose(difference, [0, -0.006, 0.006, 0])


def test_statuses_add_up(cases) -> None:
    counts = count_statuses(cases, 1)
    assert counts == StatusCounts(ok=1, missed=1, hallucinated=1, both_empty=1)
    assert counts.cases == 4


def test_lines_by_hand(cases) -> None:
    dice, distance = aggregate(cases, [1], ["dice", "hd95_mm"])
    assert (dice.label, dice.metric, dice.policy, dice.n, dice.statuses.cases) == (1, "dice", "penalised", 3, 4)
    assert dice.definition is SurfaceDefinition.SURFACE_ELEMENTS
    assert (dice.mean, dice.std, dice.median, dice.low, dice.high) == pytest.approx((1 / 3, math.sqrt(1 / 3), 0, 0, 1))
    assert (distance.mean, distance.median) == pytest.approx((DIAGONAL_MM * 2 / 3, DIAGONAL_MM))


def test_missing_a_structure_never_improves_the_mean_distance(cases) -> None:
    hit, miss = cases[:2]
    better, worse = aggregate([hit, hit], [1], ["hd95_mm"])[0], aggregate([hit, miss], [1], ["hd95_mm"])[0]
    assert worse.mean > better.mean


def test_infinite_distances_have_a_median(cases) -> None:
    hit, miss = cases[:2]
    ranked = aggregate([hit, hit, miss], [1], ["hd_mm"], RANKED)[0]
    assert (ranked.n, ranked.mean, ranked.median, ranked.high) == (3, INF, 0.0, INF)
    assert math.isnan(ranked.std)
    assert aggregate([hit, miss], [1], ["hd_mm"], RANKED)[0].median == INF
    assert aggregate([miss, miss], [1], ["hd_mm"], RANKED)[0].median == INF


def test_a_class_that_nobody_has_is_still_a_line(cases) -> None:
    line = aggregate(cases[3:], [1], ["dice"])[0]
    assert (line.n, line.statuses.both_empty) == (0, 1)
    assert all(math.isnan(value) for value in (line.mean, line.std, line.median, line.low, line.high))


def test_cases_measured_in_different_ways_are_not_averaged(cases) -> None:
    other = dataclasses.replace(cases[0], definition=SurfaceDefinition.BOUNDARY_VOXELS)
    with pytest.raises(InputError, match="boundary_voxels, strict tolerance False; surface_elements"):
        metric_matrix([cases[0], other], [1], "dice")
    with pytest.raises(InputError, match="no case"):
        aggregate([], [1], ["dice"])


def test_unknown_metrics_and_labels_are_refused(cases) -> None:
    with pytest.raises(ValueError, match="nsd_9mm"):
        value_under(PENALISED, cases[0], 1, "nsd_9mm")
    with pytest.raises(ValueError, match="'hit' was not measured for label 2"):
        value_under(PENALISED, cases[0], 2, "dice")
