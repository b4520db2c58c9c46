"""Unlabelled images are preprocessed as the labelled ones were, each case whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from kdseg.errors import AgreementError, OutputError, TrainingDataError
from kdseg_training.distillation.preprocessed import list_cases, open_cases, preprocessing_digest
from kdseg_training.distillation.unlabelled.preparation import check_preprocessing, prepare_images

CONFIGURATION = "3d_fullres"


@pytest.fixture
def plans(dataset) -> dict:
    return json.loads((dataset.preprocessed / "nnUNetPlans.json").read_text())


@pytest.fixture
def prepare(dataset, plans):
    description = json.loads((dataset.preprocessed / "dataset.json").read_text())

    def run(images: Path, cases: Path, changed=None) -> int:
        return prepare_images(images, cases, plans=changed or plans, configuration=CONFIGURATION, dataset=description)

    return run


def test_an_image_becomes_what_nnunet_made_of_it_with_labels(dataset, prepare, tmp_path: Path) -> None:
    assert prepare(dataset.images, tmp_path / "cases") == 4
    names = [f"case_{number}" for number in range(4)]
    assert list_cases(tmp_path / "cases") == names
    ours = open_cases(tmp_path / "cases", names)
    theirs = open_cases(dataset.preprocessed / "nnUNetPlans_3d_fullres", names)
    for name in names:
        assert np.array_equal(ours.load_case(name)[0][:], theirs.load_case(name)[0][:])
        assert ours.load_case(name)[3]["class_locations"] == {}
        assert set(np.unique(ours.load_case(name)[1][:])) <= {-1, 0}


def test_only_what_is_missing_is_prepared(prepare, images: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    assert prepare(images, cases) == 2
    kept = (cases / "case_0.b2nd").stat().st_mtime_ns
    (cases / "scan_1.b2nd").unlink()  # as after a crash before the last file
    assert prepare(images, cases) == 1
    assert prepare(images, cases) == 0
    assert (cases / "case_0.b2nd").stat().st_mtime_ns == kept
    assert not [path for path in cases.iterdir() if path.name.startswith(".")]


def test_a_damaged_image_leaves_no_case(prepare, images: Path, tmp_path: Path) -> None:
    broken = tmp_path / "images"
    shutil.copytree(images, broken)
    (broken / "scan_1_0000.nii.gz").write_bytes(b"no image")
    with pytest.raises(TrainingDataError, match=r"scan_1 cannot be preprocessed"):
        prepare(broken, tmp_path / "cases")
    assert list_cases(tmp_path / "cases") == ["case_0"]


def test_files_are_named_as_nnunet_names_them(prepare, images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    with pytest.raises(TrainingDataError, match="There are no unlabelled images"):
        prepare(folder, tmp_path / "cases")
    shutil.copy(images / "case_0_0000.nii.gz", folder / "case_0_0001.nii.gz")
    with pytest.raises(TrainingDataError, match=r"lack channels: case_0.*<case>_0000.nii.gz"):
        prepare(folder, tmp_path / "cases")
    with pytest.raises(TrainingDataError, match="cannot be read"):
        prepare(tmp_path / "none", tmp_path / "cases")


def test_another_preprocessing_is_refused(dataset, plans, prepare, images: Path, tmp_path: Path) -> None:
    prepare(images, tmp_path / "cases")
    for key, value in (("spacing", [2.0, 1.0, 1.0]), ("normalization_schemes", ["CTNormalization"])):
        other = json.loads(json.dumps(plans))
        other["configurations"][CONFIGURATION][key] = value
        with pytest.raises(AgreementError, match="another way"):
            prepare(images, tmp_path / "cases", other)
        with pytest.raises(AgreementError, match="another way"):
            check_preprocessing(dataset.preprocessed / "nnUNetPlans_3d_fullres", preprocessing_digest(other, CONFIGURATION))
    narrower = json.loads(json.dumps(plans))
    narrower["configurations"][CONFIGURATION]["architecture"]["arch_kwargs"]["features_per_stage"] = [4, 8, 8]
    assert check_preprocessing(tmp_path / "cases", preprocessing_digest(narrower, CONFIGURATION))
    assert check_preprocessing(dataset.preprocessed / "nnUNetPlans_3d_fullres", preprocessing_digest(plans, CONFIGURATION))


def test_cases_of_unknown_origin_are_used_but_never_added_to(dataset, plans, prepare, images: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset.preprocessed / "nnUNetPlans_3d_fullres", tmp_path / "cases")
    assert not check_preprocessing(tmp_path / "cases", preprocessing_digest(plans, CONFIGURATION))
    with pytest.raises(AgreementError, match="did not preprocess"):
        prepare(images, tmp_path / "cases")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        prepare(images, tmp_path / "file" / "cases")
