"""Label maps from files, and segments found by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdseg.errors import InputError, VolumeFileError
from kdseg.geometry import Geometry
from kdseg.io import write_seg_nrrd
from kdseg.segmentation import Code, LabelEntry, Segmentation
from kdseg_testing.label_maps import boxes, write_labels
from kdseg_training.evaluation import EvaluationSettings, read_label_map
from kdseg_training.evaluation.segment_names import by_name

TISSUE = Code("SCT", "85756007", "Tissue")
LABELS = boxes({1: ((1, 4), (2, 5), (3, 6)), 2: ((5, 7), (2, 5), (3, 6))})


def write_segments(path: Path, names: dict[int, str], labels: np.ndarray = LABELS) -> Path:
    entries = tuple(LabelEntry(value, name, (10, 20, 30), TISSUE, TISSUE) for value, name in names.items())
    write_seg_nrrd(Segmentation(labels, Geometry(labels.shape, (0.5, 1.0, 2.0)), entries), path)
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_labels(tmp_path: Path, ending: str, dtype: type) -> None:
    file = read_label_map(write_labels(tmp_path / f"a{ending}", LABELS.astype(dtype)))
    assert file.segmentation.labels.dtype == np.uint8
    assert np.array_equal(file.segmentation.labels, LABELS)
    assert file.segmentation.geometry.spacing_mm == (0.5, 1.0, 2.0)


def test_large_values_take_two_bytes(tmp_path: Path) -> None:
    labels = LABELS.astype(np.int32) * 300
    file = read_label_map(write_labels(tmp_path / "a.nrrd", labels))
    assert file.segmentation.labels.dtype == np.uint16
    assert np.array_equal(file.segmentation.labels, labels)


def test_an_empty_label_map_is_a_label_map(tmp_path: Path) -> None:
    assert not read_label_map(write_labels(tmp_path / "a.nii.gz", LABELS * 0)).segmentation.labels.any()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (LABELS * 0.5, "the value 0.5"),
        (np.where(LABELS == 1, -2.0, LABELS), "values from -2 to 2"),
        (LABELS.astype(np.int32) * 40000, "values from 0 to 80000"),
        (np.where(LABELS == 1, np.nan, 0.0), "values from nan to nan"),
    ],
)
def test_other_numbers_are_no_labels(tmp_path: Path, values: np.ndarray, found: str) -> None:
    with pytest.raises(InputError, match=found):
        read_label_map(write_labels(tmp_path / "a.nrrd", values))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.nii.gz", LABELS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VolumeFileError):
        read_label_map(path)


def test_segments_have_names(tmp_path: Path) -> None:
    file = read_label_map(write_segments(tmp_path / "a.seg.nrrd", {1: "Left\\lung", 2: "Right lung"}))
    assert file.names == {1: "Left\\lung", 2: "Right lung"}


def test_segments_in_another_order_are_found_by_name(tmp_path: Path) -> None:
    file = read_label_map(write_segments(tmp_path / "a.seg.nrrd", {1: "right_LUNG", 2: " Left  lung"}))
    moved, notes = by_name(file, EvaluationSettings({1: "left lung", 2: "Right-Lung"}))
    assert np.array_equal(moved.labels == 1, LABELS == 2)
    assert np.array_equal(moved.labels == 2, LABELS == 1)
    assert notes == [f"{file.path}: segments were matched by their names"]


def test_segments_of_other_names_keep_their_values_and_it_is_said(tmp_path: Path) -> None:
    file = read_label_map(write_segments(tmp_path / "a.seg.nrrd", {1: "Segment_1", 2: "right lung"}))
    same, notes = by_name(file, EvaluationSettings({1: "left lung", 2: "right lung"}))
    assert same is file.segmentation
    assert notes == [f"{file.path}: the segment 'Segment_1' counts as 'left lung' by its value 1"]


def test_a_segment_is_never_two_structures(tmp_path: Path) -> None:
    file = read_label_map(write_segments(tmp_path / "a.seg.nrrd", {1: "Segment_1", 2: "left lung"}))
    with pytest.raises(InputError, match="cannot be told apart"):
        by_name(file, EvaluationSettings({1: "left lung", 2: "right lung"}))


def test_overlapping_segments_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = write_segments(tmp_path / "a.seg.nrrd", {1: "left", 2: "right"})
    header = path.read_bytes().replace(b"Segment1_LabelValue:=2", b"Segment1_LabelValue:=1")
    path.write_bytes(header.replace(b"Segment1_Layer:=0", b"Segment1_Layer:=1"))
    with pytest.raises(InputError, match="2 segments in 2 layers") as caught:
        read_label_map(path)
    assert "label map" in caught.value.remedy
