"""What lies beside a checkpoint becomes metadata of the bundle, if it is of that very checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Optional

import pytest

from kdseg.errors import BundleSchemaError, ExportError, KDSegError
from kdseg_training.export.training_record import recorded_metadata, with_recorded

SHA256 = "ab" * 32


def record(**changes: Any) -> Dict[str, Any]:
    return {
        "settings": {
            "seed": 7,
            "fold": 0,
            "budget": {"epochs": 12},
            "student": {"name": "x4", "factor": 4.0, "plans": None, "method": "A", "losses": []},
            "teacher": {"folds": [0], "digest": "cd" * 32},
        },
        "teacher": {"folder": "teacher__nnUNetPlans__3d_fullres", "digest": "cd" * 32},
        "losses": [{"kind": "logits", "name": None, "weight": 1.0}],
        "checkpoint": {"file": "checkpoint_final.pth", "sha256": SHA256},
        "training_cases": 128,
        "steps": 3000,
        "software": {"torch": "2.13.0"},
        **changes,
    }


def student(**changes: Any) -> Dict[str, Any]:
    settings = record()["settings"]
    return {"settings": {**settings, "student": {**settings["student"], **changes}}}


def write(folder: Path, training: Optional[Dict[str, Any]] = None, quality: Optional[Dict[str, Any]] = None) -> Path:
    for name, content in (("training.json", training), ("quality.json", quality)):
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    return folder


def test_nothing_recorded(tmp_path: Path) -> None:
    assert recorded_metadata(tmp_path, SHA256) == ({}, ())


def test_a_distilled_student(tmp_path: Path) -> None:
    metadata, notes = recorded_metadata(write(tmp_path, record(), {"checkpoint_sha256": SHA256, "quality": {"n": 1}}), SHA256)
    assert notes == ()
    assert metadata == {
        "capacity": "1/4",
        "provenance": {
            "teacher": f"teacher__nnUNetPlans__3d_fullres, weights sha256 {'cd' * 32}",
            "distillation": {
                "method": "method A: logits",
                "settings": {
                    "budget": {"epochs": 12},
                    "fold": 0,
                    "teacher": {"folds": [0], "digest": "cd" * 32},
                    "losses": [{"kind": "logits", "name": None, "weight": 1.0}],
                    "steps": 3000,
                },
            },
            "seeds": [7],
            "software": {"torch (training)": "2.13.0"},
            "dataset": {"training_cases": 128},
        },
        "quality": {"n": 1},
    }


def test_a_plain_arm_has_no_teacher(tmp_path: Path) -> None:
    metadata, _ = recorded_metadata(write(tmp_path, record(teacher=None, losses=[])), SHA256)
    assert metadata["provenance"]["teacher"] is None
    assert metadata["provenance"]["distillation"] is None


@pytest.mark.parametrize(
    ("changes", "capacity"),
    [
        ({"factor": 1.0}, "1"),
        ({"factor": None}, "1"),
        ({"factor": 8}, "1/8"),
        ({"factor": 2.5}, None),
        ({"factor": 128}, None),
        ({"factor": None, "plans": "nnUNetPlans_narrow"}, None),
    ],
)
def test_the_capacity_is_the_share_of_the_channels(tmp_path: Path, changes: Dict[str, Any], capacity: Optional[str]) -> None:
    metadata, _ = recorded_metadata(write(tmp_path, record(**student(**changes))), SHA256)
    assert metadata.get("capacity") == capacity


def test_records_of_another_checkpoint_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, record(), {"checkpoint_sha256": SHA256, "quality": {}})
    metadata, notes = recorded_metadata(folder, "ef" * 32)
    assert metadata == {}
    assert [note.partition(" ")[0] for note in notes] == ["training.json", "quality.json"]
    older = {key: value for key, value in record().items() if key != "checkpoint"}
    assert recorded_metadata(write(tmp_path, older), SHA256)[0] == {"quality": {}}


def test_what_people_state_comes_first() -> None:
    recorded = {"capacity": "1/4", "provenance": {"teacher": "t", "seeds": [7], "dataset": {"training_cases": 128}}}
    stated = {"capacity": "1/2", "provenance": {"seeds": [1, 2], "dataset": {"name": "D"}}}
    merged = with_recorded(stated, recorded)
    assert merged["capacity"] == "1/2"
    assert merged["provenance"] == {"teacher": "t", "seeds": [1, 2], "dataset": {"training_cases": 128, "name": "D"}}
    assert with_recorded({"name": "n"}, {}) == {"name": "n"}


def test_another_number_of_training_cases_than_recorded_is_refused() -> None:
    recorded = {"provenance": {"dataset": {"training_cases": 128}}}
    same = {"provenance": {"dataset": {"training_cases": 128}}}
    assert with_recorded(same, recorded) == recorded
    with pytest.raises(ExportError, match=r"Expected: 128.*Found: 18"):
        with_recorded({"provenance": {"dataset": {"training_cases": 18}}}, recorded)


@pytest.mark.parametrize("content", ["{", "[]", '{"settings": 1, "checkpoint": {"sha256": "' + SHA256 + '"}}'])
def test_a_damaged_record_is_an_error_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "training.json").write_text(content)
    with pytest.raises(KDSegError, match=r"training\.json") as caught:
        recorded_metadata(tmp_path, SHA256)
    assert isinstance(caught.value, BundleSchemaError) or caught.value.exit_code == 8


@pytest.mark.parametrize(("selection", "words"), [(False, ""), (True, "evenly spaced channels of ")])
def test_a_student_tells_what_its_training_began_with(tmp_path: Path, selection: bool, words: str) -> None:
    began = student(pretrained_weights="ef" * 32, weight_selection=selection)
    metadata, _ = recorded_metadata(write(tmp_path, record(teacher=None, losses=[], **began)), SHA256)
    assert metadata["provenance"]["initial_weights"] == f"{words}weights in the file of sha256 {'ef' * 32}"
