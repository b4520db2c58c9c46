"""Which structures are measured, and where their names come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdseg.errors import BundleSchemaError, InputError
from kdseg_testing.label_maps import boxes, write_labels
from kdseg_testing.threshold_student import STRUCTURE, write_threshold_student
from kdseg_training.evaluation.labels import LabelTable, labels_in, nearby_labels, read_labels, union_of_labels
from kdseg_training.evaluation.run import find_labels, match_models

BOX = ((1, 3), (1, 3), (1, 3))


def dataset(folder: Path, labels: dict, **more) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dataset.json"
    path.write_text(json.dumps({"labels": labels, "channel_names": {"0": "MRI"}, "file_ending": ".nii.gz", **more}))
    return path


def test_a_dataset_names_them_with_what_to_ignore(tmp_path: Path) -> None:
    path = dataset(tmp_path, {"background": 0, "posterior": 2, "anterior": 1, "ignore": 3})
    assert read_labels(path) == LabelTable({1: "anterior", 2: "posterior"}, str(path), ignore_label=3)


def test_regions_are_named_by_the_value_they_are_painted_with(tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    table = read_labels(dataset(tmp_path, labels, regions_class_order=[1, 2, 3]))
    assert table.labels == {1: "whole", 2: "core", 3: "enhancing"}
    assert table.regions == {1: (1, 2, 3), 2: (2, 3), 3: (3,)}


def test_a_dataset_that_nnunet_would_refuse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleSchemaError, match="consecutive"):
        read_labels(dataset(tmp_path, {"background": 0, "liver": 5}))


def test_a_bundle_names_them(tmp_path: Path) -> None:
    assert read_labels(write_threshold_student(tmp_path)).labels == {1: STRUCTURE}


def test_a_table_names_them(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("Name,LabelValue,Color_R\nbackground,0,0\nspleen,12,9\nliver,5,9\n", encoding="utf-8-sig")
    assert list(read_labels(path).labels.items()) == [(5, "liver"), (12, "spleen")]


@pytest.mark.parametrize(
    "text", ["", "LabelValue,Name\n", "LabelValue,Colour\n1,red\n", "LabelValue,Name\n-1,a\n", "LabelValue,Name\n1,a\n1,b\n",
             "LabelValue,Name\n1,a\n2,a\n", "LabelValue,Name\n70000,a\n", "LabelValue,Name\n1\n"],
)  # fmt: skip
def test_a_table_that_does_not_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="does not name labels"):
        read_labels(path)


def test_files_of_other_kinds_and_lost_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not name labels"):
        read_labels(tmp_path / "labels.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "labels.csv")


def test_a_dataset_near_the_files_is_found_the_references_first(tmp_path: Path) -> None:
    references, predictions = tmp_path / "data" / "labelsTr", tmp_path / "predictions"
    references.mkdir(parents=True)
    with_predictions = dataset(predictions, {"background": 0, "a": 1})
    assert nearby_labels(references, [predictions]).source == str(with_predictions)
    beside = dataset(tmp_path / "data", {"background": 0, "b": 1})
    assert nearby_labels(references, [predictions]).source == str(beside)
    assert nearby_labels(tmp_path / "elsewhere", [tmp_path / "more" / "p"]) is None


def test_without_names_the_union_of_all_values_is_measured(tmp_path: Path) -> None:
    for folder, case, values in (("p", "a", {3: BOX}), ("p", "b", {}), ("r", "a", {7: BOX}), ("r", "b", {})):
        write_labels(tmp_path / folder / f"{case}.nii.gz", boxes(values))
    models = match_models({"m": tmp_path / "p"}, tmp_path / "r")
    table = find_labels(models, tmp_path / "r")
    assert table.labels == {3: "label 3", 7: "label 7"}
    assert "no file names" in table.source


def test_a_damaged_file_does_not_hide_the_labels_of_the_others(tmp_path: Path) -> None:
    write_labels(tmp_path / "p" / "a.nii.gz", boxes({2: BOX}))
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.nii.gz").write_bytes(b"nothing")
    (pair,) = match_models({"m": tmp_path / "p"}, tmp_path / "r")[0].matching.pairs
    assert labels_in(pair) == {2: ""}


def test_names_are_told_apart() -> None:
    assert union_of_labels([{1: "lung"}, {2: "lung", 3: ""}, {3: "heart"}]).labels == {1: "lung (1)", 2: "lung (2)", 3: "heart"}


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(InputError, match="No label map holds a structure"):
        union_of_labels([{}, {}])
