"""The form of a run: what it accepts, and the file that it becomes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdseg.errors import ConfigurationError
from KDSegmentatorTrainingLib.distil.settings import (
    DistilSettings,
    OwnFile,
    guess_dataset,
    known_keys,
    share_text,
    teacher_parts,
)
from KDSegmentatorTrainingLib.distil.yaml_file import yaml_text


def test_the_students_of_a_form(settings) -> None:
    assert settings().student_names() == ("half_D", "quarter_D")
    assert settings(widths=(8, 2), methods=("alone", "C")).student_names() == (
        "half_C",
        "half_alone",
        "eighth_C",
        "eighth_alone",
    )
    assert settings(methods=("alone",)).student_names() == ("half_alone", "quarter_alone")


def test_the_file_of_a_form(settings, folders) -> None:
    teacher, dataset = folders
    run = settings(widths=(4,), fold=2, epochs=10, iterations=20, batch_size=3, device="cuda").as_run()
    assert run == {
        "dataset": "Dataset004_Hippocampus",
        "configuration": "3d_fullres",
        "plans": "nnUNetPlans",
        "fold": 2,
        "preprocessed": str(dataset.parent),
        "results": "results",
        "device": "cuda",
        "budget": {"epochs": 10, "iterations": 20, "validation_iterations": 4, "batch_size": 3},
        "teacher": {"model_folder": str(teacher), "folds": [2]},
        "students": [{"name": "quarter_D", "factor": 4, "mirroring": False, "method": "D"}],
    }
    assert settings().as_run()["budget"] == {"epochs": 1000, "iterations": 250, "validation_iterations": 50}
    assert settings(iterations=3).as_run()["budget"]["validation_iterations"] == 1
    assert "teacher" not in settings(methods=("alone",)).as_run()
    assert settings(fold="all").as_run()["teacher"]["allow_seen_validation"] is True


def test_a_form_is_remembered(settings) -> None:
    chosen = settings(widths=(2, 8), fold="all", methods=("B", "alone"), mirroring=True)
    stored = json.loads(json.dumps({**chosen.as_dict(), "newer_key": 1}))
    assert DistilSettings(**known_keys(stored)) == chosen


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("dataset: 4")
    own = OwnFile(file)
    assert OwnFile(**known_keys(own.as_dict())) == own
    for missing in (tmp_path / "other.yaml", Path("mine.yaml"), tmp_path):
        with pytest.raises(ConfigurationError, match="settings file is not there"):
            OwnFile(missing)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teacher": Path()}, "The teacher is not chosen"),
        ({"dataset": Path("/nowhere")}, "The data set is not there"),
        ({"widths": ()}, "No width"),
        ({"widths": (3,)}, "No width"),
        ({"methods": ("E",)}, "No way to learn"),
        ({"methods": ()}, "No way to learn"),
        ({"device": "tpu"}, "no such device"),
        ({"fold": -1}, "no such fold"),
        ({"fold": "first"}, "no such fold"),
        ({"epochs": 0}, "budget"),
    ],
)
def test_what_a_form_refuses(settings, changes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        settings(**changes)


def test_a_teacher_without_nnunets_name_is_refused(settings, tmp_path: Path) -> None:
    folder = tmp_path / "my best model"
    folder.mkdir()
    (folder / "plans.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="nnUNetTrainer__nnUNetPlans__3d_fullres"):
        settings(teacher=folder)


def test_what_a_teachers_folder_tells(folders) -> None:
    teacher, dataset = folders
    assert teacher_parts(teacher) == ("nnUNetPlans", "3d_fullres")
    assert teacher_parts(Path("T__nnUNetResEncUNetLPlans_torchres__3d_cascade")) == (
        "nnUNetResEncUNetLPlans_torchres",
        "3d_cascade",
    )
    assert guess_dataset(teacher, str(dataset.parent)) == dataset
    assert guess_dataset(teacher, "") is None
    beside = teacher.parents[2] / "nnUNet_preprocessed"
    dataset.parent.rename(beside)
    assert guess_dataset(teacher, "") == beside / dataset.name
    assert share_text(4) == "1/4"


def test_yaml_is_in_blocks_with_quoted_texts() -> None:
    content = {
        "a": 1,
        "path": 'C:\\data "x"\x7f',
        "budget": {"epochs": 2},
        "list": [0, "all"],
        "students": [{"n": "q", "f": 2}],
    }
    assert yaml_text(content) == (
        'a: 1\npath: "C:\\\\data \\"x\\"\\U0000007f"\nbudget:\n  epochs: 2\nlist: [0, "all"]\nstudents:\n  - n: "q"\n    f: 2\n'
    )
