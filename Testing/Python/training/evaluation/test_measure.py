"""One case from its two files, against numbers that follow by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kdseg.errors import GeometryError, InputError
from kdseg_testing.label_maps import SHAPE, boxes, random_case, write_labels
from kdseg_testing.volume_files import DIRECTIONS
from kdseg_training.evaluation import EvaluationSettings, Pair, measure_pair
from kdseg_training.evaluation.measure import measure
from kdseg_training.metrics import Status

BOX = ((2, 6), (2, 6), (2, 6))
SETTINGS = EvaluationSettings({1: "left", 2: "right"}, engine="numpy")


def a_pair(folder: Path, prediction: np.ndarray, reference: np.ndarray, **grid) -> Pair:
    """A case whose prediction may lie on another grid than the reference."""
    return Pair("case", write_labels(folder / "p.nii.gz", prediction, **grid), write_labels(folder / "r.nii.gz", reference))


def test_numbers_are_in_millimetres_of_an_anisotropic_grid(tmp_path: Path) -> None:
    reference = boxes({1: BOX})
    prediction = boxes({1: ((2, 6), (2, 6), (2, 7))})  # one voxel longer along x: 0.5 mm
    case = measure_pair(a_pair(tmp_path, prediction, reference), SETTINGS)
    left = case.classes[1]
    assert (left.counts.prediction, left.counts.reference, left.counts.both) == (80, 64, 64)
    assert left.dice == 2 * 64 / 144
    assert left.reference_volume_ml == pytest.approx(64 * 0.5 * 1.0 * 2.0 / 1000)
    assert left.hd_mm == 0.5
    assert left.nsd == {1.0: 1.0}
    assert (case.shape, case.spacing_mm) == (SHAPE, (2.0, 1.0, 0.5))
    assert case.classes[2].status is Status.BOTH_EMPTY


def test_missed_structures_and_all_empty_files_are_measured(tmp_path: Path) -> None:
    case = measure_pair(a_pair(tmp_path, boxes({}), boxes({2: BOX})), SETTINGS)
    assert case.classes[2].status is Status.MISSED
    assert case.classes[2].hd_mm == math.inf


@pytest.mark.parametrize(
    ("grid", "named"),
    [
        ({"spacing": (0.5, 1.0, 2.5)}, "spacing_mm (0.5, 1, 2.5)"),
        ({"origin": (5.0, -7.0, 12.0)}, "origin_mm (5, -7, 12)"),
        ({"direction": DIRECTIONS["flipped"]}, "direction (-1, 0, 0, 0, -1, 0, 0, 0, 1)"),
    ],
)
def test_another_grid_is_refused_and_the_difference_named(tmp_path: Path, grid: dict, named: str) -> None:
    labels = boxes({1: BOX})
    with pytest.raises(GeometryError, match="case case lie on different grids") as caught:
        measure_pair(a_pair(tmp_path, labels, labels, **grid), SETTINGS)
    assert caught.value.found == named
    assert "nearest neighbours" in caught.value.remedy
    assert caught.value.path == str(tmp_path / "p.nii.gz")


def test_another_size_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(GeometryError) as caught:
        measure_pair(a_pair(tmp_path, boxes({1: BOX}, (8, 9, 11)), boxes({1: BOX})), SETTINGS)
    assert (caught.value.expected, caught.value.found) == ("shape (8, 9, 10)", "shape (8, 9, 11)")


@pytest.mark.parametrize("direction", sorted(DIRECTIONS))
def test_formats_with_other_precision_are_one_grid(tmp_path: Path, direction: str) -> None:
    labels = random_case(1, shape=(60, 70, 65))
    where = {"spacing": (0.44921875, 0.44921875, 1.2000007), "origin": (-312.123456, 201.654321, -1023.111111)}
    files = [
        write_labels(tmp_path / f"{name}", labels, direction=DIRECTIONS[direction], **where) for name in ("p.nrrd", "r.nii.gz")
    ]
    case = measure_pair(Pair("case", *files), SETTINGS)
    assert case.classes[1].dice == 1.0


def test_a_prediction_is_resampled_on_request_and_it_is_said(tmp_path: Path) -> None:
    reference = boxes({1: BOX})
    cut = boxes({1: BOX})[:, 1:, :]  # one row of 1 mm less, so the origin is 1 mm further
    pair = a_pair(tmp_path, cut, reference, origin=(5.0, -6.0, 11.0))
    found = measure(pair, replace(SETTINGS, resample=True))
    assert found.metrics.classes[1].dice == 1.0
    assert found.notes == (f"{pair.prediction}: resampled to the grid of the reference with nearest neighbours",)


def test_values_that_nobody_measures_are_told(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, boxes({1: BOX, 7: ((0, 1), (0, 1), (0, 1)), 5: ((0, 1), (0, 1), (3, 4))}), boxes({1: BOX}))
    assert measure(pair, SETTINGS).notes == (f"{pair.prediction}: not measured are the values 5, 7",)


def test_voxels_without_a_label_are_left_out(tmp_path: Path) -> None:
    reference = boxes({1: BOX, 9: ((2, 4), (2, 6), (2, 6))})  # half of the box is not labelled
    prediction = boxes({1: ((2, 5), (2, 6), (2, 6))})
    found = measure(a_pair(tmp_path, prediction, reference), replace(SETTINGS, ignore_label=9))
    counts = found.metrics.classes[1].counts
    assert (counts.prediction, counts.reference, counts.both) == (16, 32, 16)
    assert found.ignored_voxels == 32
    assert found.notes == ()


def test_regions_are_unions_and_may_overlap(tmp_path: Path) -> None:
    reference = boxes({1: BOX, 2: ((3, 5), (3, 5), (3, 5))})
    prediction = boxes({2: BOX})
    settings = EvaluationSettings({1: "whole", 2: "core"}, regions={1: (1, 2), 2: (2,)}, engine="numpy")
    classes = measure_pair(a_pair(tmp_path, prediction, reference), settings).classes
    assert [classes[label].label for label in classes] == [1, 2]
    assert classes[1].dice == 1.0
    assert (classes[2].counts.prediction, classes[2].counts.reference, classes[2].counts.both) == (64, 8, 8)


def test_the_image_given_by_mistake_is_refused(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, np.random.default_rng(0).normal(size=SHAPE).astype(np.float32), boxes({1: BOX}))
    with pytest.raises(InputError, match="no label map"):
        measure_pair(pair, SETTINGS)
