"""The command ``kdseg-training export``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
from typer.testing import CliRunner

from kdseg.bundle import load_student
from kdseg_testing.metadata import student_metadata
from kdseg_training.cli import app

RUNNER = CliRunner()


def test_a_folder_becomes_a_bundle(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps(student_metadata()))
    arguments = ["export", str(model_folder()), "-o", str(tmp_path / "out"), "--metadata", str(metadata), "--name", "other"]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert load_student(tmp_path / "out" / "other-1.0.0.kdseg.zip").name == "other"
    assert "neutral code" in result.output
    assert "ONNX Runtime against torch at 8×8×8" in result.output


def test_programs_get_json(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps(student_metadata()))
    result = RUNNER.invoke(app, ["export", str(model_folder()), "-o", str(tmp_path), "--metadata", str(metadata), "--json"])
    assert json.loads(result.stdout)["path"] == str(tmp_path / "test-1.0.0.kdseg.zip")


def test_a_model_folder_alone_is_enough(
    model_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder()
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, ["export", str(folder)])
    assert result.exit_code == 0, result.output
    document = load_student(tmp_path / "test-0.0.0.kdseg.zip").document
    assert {key: document[key] for key in ("licence", "modality", "body_part", "intended_use", "capacity")} == {
        "licence": "not stated",
        "modality": "not stated",
        "body_part": "not stated",
        "intended_use": "Not stated; research use only.",
        "capacity": "1",
    }
    assert document["provenance"]["dataset"] == {"name": "Dataset999_Test", "licence": "not stated"}
    assert "Note: Not stated: name (now test), version (now 0.0.0), licence, modality, body_part" in result.output


def test_the_training_data_can_be_stated(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    stated = ["--dataset-name", "Phantoms", "--dataset-licence", "CC0-1.0"]
    result = RUNNER.invoke(app, ["export", str(model_folder()), "-o", str(tmp_path), *stated])
    assert result.exit_code == 0, result.output
    document = load_student(tmp_path / "test-0.0.0.kdseg.zip").document
    assert document["provenance"]["dataset"] == {"name": "Phantoms", "licence": "CC0-1.0"}


def test_an_error_is_one_sentence_with_an_exit_code(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["export", str(tmp_path / "nowhere"), "-o", str(tmp_path)])
    assert result.exit_code == 8
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output


def test_help_needs_no_torch(repository: Path) -> None:
    code = "import sys, kdseg_training.cli; print('torch' in sys.modules, 'numpy' in sys.modules)"
    paths = f"import sys; sys.path[:0] = {[str(repository / 'KDSegmentator'), str(repository / 'KDSegmentatorTraining')]!r}; "
    result = subprocess.run([sys.executable, "-c", paths + code], check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["False", "False"]
