"""Whatever happens, a command ends with one message; the traceback is in a log beside the run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from kdseg.errors import TrainingDataError, TrainingError
from kdseg_training.cli import app
from kdseg_training.distillation.commands.ending import Watch

TRAINING = "kdseg_training.distillation.training"


def surprise(text: str = "a surprise") -> None:
    raise LookupError(f"{text}\nand a second line")


def train(_config: object, *, display: Any, **_: object) -> None:
    display.begin(["plain", "taught"], 0, 6)
    display.step(2, {"plain": 1.0, "taught": 2.0})
    display.end()
    surprise()


def store(_config: object, *, progress: Any, **_: object) -> None:
    progress(1, 3, "case_1")
    surprise()


def study(_config: object, *, say: Any, **_: object) -> None:
    say("Training together: A, B.")
    surprise()


COMMANDS = {
    "distill": "while training plain, taught, after step 2 of 6",
    "soft-labels": "while computing soft labels, 1 of 3 cases done",
    "study": "while working on the study, after it said: Training together: A, B.",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a run with results, and functions in place of the real ones that fail as nobody foresaw."""
    (tmp_path / "results").mkdir()
    path = tmp_path / "run.yaml"
    values = {"dataset": "Dataset999_Test", "students": [{"name": "plain", "factor": 2}], "results": "results"}
    path.write_text(yaml.safe_dump(values))
    monkeypatch.setattr(f"{TRAINING}.runs.train_from_config", train)
    monkeypatch.setattr(f"{TRAINING}.check.check_run", lambda *_, **__: surprise())
    monkeypatch.setattr("kdseg_training.distillation.soft_labels.run.write_for_run", store)
    read = SimpleNamespace(results=tmp_path / "results")
    monkeypatch.setattr("kdseg_training.distillation.study.config.read_study", lambda _: read)
    monkeypatch.setattr("kdseg_training.distillation.study.study.run_study", study)
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def only_log(folder: Path) -> Path:
    (log,) = folder.glob("*.log")
    return log


@pytest.mark.parametrize("command", COMMANDS)
def test_people_get_one_sentence_and_the_log_the_traceback(file: Path, command: str) -> None:
    result = call(command, file)
    log = only_log(file.parent / "results")
    assert result.exit_code == TrainingError.exit_code
    assert result.stderr.count("\n") == 1
    assert f"Error: {log}: " in result.stderr
    assert f"Found: LookupError: a surprise, {COMMANDS[command]}" in result.stderr
    assert "Traceback" not in result.output
    text = log.read_text()
    for words in ("Traceback", 'raise LookupError(f"{text}', "and a second line", COMMANDS[command], str(file), command):
        assert words in text


@pytest.mark.parametrize("command", COMMANDS)
def test_programs_get_one_object(file: Path, command: str) -> None:
    result = call(command, file, "--json")
    error = json.loads(result.stderr)["error"]
    assert (error["type"], error["exit_code"]) == ("TrainingError", result.exit_code)
    assert error["path"] == str(only_log(file.parent / "results"))


def test_a_watcher_reads_the_same_in_the_progress_file(file: Path) -> None:
    result = call("distill", file, "--json", "--progress", file.parent / "progress.json")
    told = json.loads((file.parent / "progress.json").read_text())
    assert told["state"] == "failed"
    assert told["error"] == json.loads(result.stderr)["error"]


def test_a_check_ends_in_the_same_way(file: Path) -> None:
    result = call("distill", file, "--check")
    assert result.exit_code == TrainingError.exit_code
    assert "The check ended with an error that was not expected" in result.stderr
    assert "while preparing the run" in result.stderr
    assert only_log(file.parent / "results").is_file()


def test_foreseen_errors_have_no_log(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TrainingDataError("The data are not there.")

    monkeypatch.setattr(f"{TRAINING}.runs.train_from_config", fail)
    result = call("distill", file)
    assert (result.exit_code, result.stderr) == (TrainingDataError.exit_code, "Error: The data are not there.\n")
    assert not list(file.parent.rglob("*.log"))


def test_the_log_lies_beside_the_settings_where_there_are_no_results(file: Path) -> None:
    (file.parent / "results").rmdir()
    result = call("distill", file)
    assert str(only_log(file.parent)) in result.stderr


def test_without_any_place_for_a_log_the_message_still_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "missing"))
    watch = Watch("distill", "The training", tmp_path / "missing" / "run.yaml", "Nothing is lost.")
    words = r"LookupError: x, while reading the settings.*No log could be written"
    with pytest.raises(TrainingError, match=words) as error, watch.unforeseen():
        surprise("x")
    assert error.value.path is None


def test_an_error_of_a_process_that_prepares_batches_is_told_by_its_last_line(tmp_path: Path) -> None:
    text = "Caught TypeError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  …\nTypeError: no\n"
    with pytest.raises(TrainingError) as error, Watch("distill", "The training", tmp_path / "run.yaml", "").unforeseen():
        raise TypeError(text)
    assert error.value.found == "TypeError: no, while reading the settings"
