"""Plans on the disk: found, derived and written beside the teacher's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdseg.errors import BundleSchemaError, ConfigurationError, OutputError
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.family import derive_plans, read_plans, write_student_plans


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / "model")


@pytest.fixture
def data_set(tmp_path: Path, model_folder: Path) -> Path:
    """The folder of a preprocessed data set."""
    folder = tmp_path / "preprocessed"
    folder.mkdir()
    (folder / "nnUNetPlans.json").write_bytes((model_folder / "plans.json").read_bytes())
    (folder / "dataset.json").write_bytes((model_folder / "dataset.json").read_bytes())
    (folder / "splits_final.json").write_text('[{"train": [], "val": []}]')
    (folder / "dataset_fingerprint.json").write_text('{"spacings": []}')
    return folder


def test_plans_are_read_from_a_model_folder_a_data_set_or_a_file(model_folder: Path, data_set: Path) -> None:
    expected = json.loads((model_folder / "plans.json").read_text())
    for source in (model_folder, data_set, data_set / "nnUNetPlans.json"):
        file = read_plans(source)
        assert file.plans == expected
        assert file.dataset == json.loads((model_folder / "dataset.json").read_text())


def test_a_student_is_written_beside_its_teacher(data_set: Path) -> None:
    path = write_student_plans(data_set, factor=4)
    assert path == data_set / "nnUNetPlans_x4.json"
    assert json.loads(path.read_text()) == derive_plans(json.loads((data_set / "nnUNetPlans.json").read_text()), factor=4)
    assert sorted(p.name for p in data_set.iterdir() if p.name.startswith(".")) == []


def test_a_data_set_with_students_still_has_one_teacher(data_set: Path) -> None:
    write_student_plans(data_set, factor=2)
    assert write_student_plans(data_set, factor=4).name == "nnUNetPlans_x4.json"


def test_several_teachers_must_be_chosen_from(data_set: Path) -> None:
    other = json.loads((data_set / "nnUNetPlans.json").read_text()) | {"plans_name": "nnUNetResEncUNetLPlans"}
    (data_set / "nnUNetResEncUNetLPlans.json").write_text(json.dumps(other))
    with pytest.raises(ConfigurationError, match="nnUNetPlans, nnUNetResEncUNetLPlans"):
        write_student_plans(data_set, factor=4)
    path = write_student_plans(data_set, factor=4, plans_name="nnUNetResEncUNetLPlans")
    assert path.name == "nnUNetResEncUNetLPlans_x4.json"


def test_the_same_plans_are_left_and_other_plans_are_not_replaced(data_set: Path) -> None:
    path = write_student_plans(data_set, factor=4)
    before = path.stat().st_mtime_ns
    assert write_student_plans(data_set, factor=4) == path
    assert path.stat().st_mtime_ns == before
    with pytest.raises(ConfigurationError, match="already"):
        write_student_plans(data_set, factor=4, floor=2)
    assert path.stat().st_mtime_ns == before
    write_student_plans(data_set, factor=4, floor=2, replace=True)
    assert json.loads(path.read_text()) == derive_plans(
        json.loads((data_set / "nnUNetPlans.json").read_text()), factor=4, floor=2
    )


def test_a_model_folders_student_goes_where_it_is_wanted(model_folder: Path, data_set: Path) -> None:
    assert write_student_plans(model_folder, factor=2, output_folder=data_set) == data_set / "nnUNetPlans_x2.json"
    assert write_student_plans(model_folder, factor=2, name="narrow").name == "narrow.json"


def test_what_is_not_there_is_said(tmp_path: Path, data_set: Path) -> None:
    for source in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ConfigurationError, match="no plans here"):
            read_plans(source)
    with pytest.raises(ConfigurationError, match="no plans other"):
        read_plans(data_set, plans_name="other")
    with pytest.raises(ConfigurationError, match="no plans"):
        read_plans(data_set, plans_name="../model/plans")
    with pytest.raises(OutputError):
        write_student_plans(data_set, factor=2, output_folder=tmp_path / "nothing")


def test_damaged_plans_are_refused(data_set: Path) -> None:
    path = data_set / "nnUNetPlans.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BundleSchemaError, match=r"nnUNetPlans\.json"):
        read_plans(path)
