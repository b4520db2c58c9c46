"""What a program sees of a run: a check before it, its progress file, and a file that stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Dict

import pytest
import yaml
from typer.testing import CliRunner

from kdseg.errors import OutputError
from kdseg_training.cli import app
from kdseg_training.distillation.training import checkpoints, progress_file
from kdseg_training.distillation.training.display import Silent
from kdseg_training.distillation.training.progress_file import ProgressFile

STUDENTS = [{"name": "plain", "factor": 2}, {"name": "logits", "factor": 4, "method": "A"}]


@pytest.fixture
def file(settings, tmp_path: Path) -> Path:
    path = tmp_path / "distil.yaml"
    write(path, settings(tmp_path / "results", students=STUDENTS, threads=1))
    return path


def write(path: Path, config: Any) -> None:
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))


def call(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["distill", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def check(*arguments: object) -> Dict[str, Any]:
    code, out, _ = call(*arguments, "--check", "--json")
    answer: Dict[str, Any] = json.loads(out)["check"]
    assert code == 0
    return answer


def test_a_check_says_what_would_be_trained_and_leaves_no_trace(file: Path) -> None:
    answer = check(file)
    assert (answer["dataset"], answer["training_cases"], answer["validation_cases"]) == ("Dataset999_Test", 3, 1)
    assert (answer["steps"], answer["device"], answer["precision"]) == (6, "cpu", "fp32")
    plain, logits = answer["students"]
    assert plain["parameters"] > logits["parameters"] > 0
    assert (plain["earlier"], logits["name"]) == ("nothing", "logits")
    assert Path(plain["fold_folder"]) == file.parent / "results/Dataset999_Test/plain__nnUNetPlans_x2__3d_fullres/fold_0"
    assert any(note.startswith("Teacher: ") for note in answer["notes"])
    assert not (file.parent / "results").exists()


def test_a_check_for_people_is_a_few_lines(file: Path) -> None:
    code, out, err = call(file, "--check")
    assert (code, err) == (0, "")
    assert "logits: 0.00 M parameters" in out
    assert out.rstrip().endswith("Dataset999_Test: 3 training and 1 validation cases, 6 steps on cpu in fp32. Ready.")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"dataset": "Dataset998_Other"}, "TrainingDataError"),
        ({"fold": 7, "teacher": {"folds": [0], "allow_seen_validation": True}}, "TrainingDataError"),
        ({"teacher": {"model_folder": "nowhere"}}, "TeacherError"),
        ({"configuration": "2d"}, "ConfigurationError"),
        ({"unlabelled": {"cases": "nowhere"}}, "TrainingDataError"),
        ({"unlabelled": {"cases": "cases", "images": "nowhere"}}, "TrainingDataError"),
        ({"teacher": {"soft_labels": {"folder": "nowhere"}}}, "TrainingDataError"),
    ],
)
def test_a_check_finds_what_would_fail(settings, tmp_path: Path, changes: Dict[str, Any], kind: str) -> None:
    file = tmp_path / "distil.yaml"
    write(file, settings(tmp_path / "results", students=STUDENTS, **changes))
    code, _, err = call(file, "--check", "--json")
    assert code == 9
    assert json.loads(err.splitlines()[-1])["error"]["type"] == kind


def test_a_check_looks_whether_the_cases_are_there(settings, dataset, tmp_path: Path) -> None:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    for path in root.rglob("case_3.*"):
        path.unlink()
    file = tmp_path / "distil.yaml"
    write(file, settings(tmp_path / "results", preprocessed=root))
    code, _, err = call(file, "--check", "--json")
    assert code == 9
    assert "1 missing: case_3" in json.loads(err.splitlines()[-1])["error"]["found"]


def test_results_that_cannot_be_written_are_refused_before_anything_is_done(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs this may be allowed everything, so the operating system's answer is replaced."""
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != file.parent)
    for arguments in (("--check",), ()):
        code, _, err = call(file, *arguments, "--json")
        assert json.loads(err.splitlines()[-1])["error"]["problem"] == "The folder for results cannot be written to."
        assert code == 6


def test_a_check_knows_earlier_runs_and_whether_they_can_be_continued(file: Path, settings) -> None:
    stop = file.parent / "stop"
    stop.touch()
    assert call(file, "--stop-file", stop)[0] == 130
    code, _, err = call(file, "--check", "--json")
    assert (code, json.loads(err)["error"]["type"]) == (9, "ResumeError")
    assert [student["earlier"] for student in check(file, "--resume")["students"]] == ["unfinished", "unfinished"]
    assert [student["earlier"] for student in check(file, "--restart")["students"]] == ["unfinished", "unfinished"]
    write(file, settings(file.parent / "results", students=STUDENTS, threads=1, budget={"learning_rate": 0.02}))
    code, _, err = call(file, "--resume", "--check", "--json")
    assert code == 9
    assert "budget.learning_rate: 0.01 -> 0.02" in json.loads(err)["error"]["found"]


def test_a_file_stops_the_run_after_the_running_step(file: Path) -> None:
    stop, progress = file.parent / "stop", file.parent / "progress.json"
    stop.touch()
    code, _, _ = call(file, "--stop-file", stop, "--progress", progress)
    assert code == 130
    told = json.loads(progress.read_bytes())
    assert (told["state"], told["step"], told["steps"]) == ("stopped", 1, 6)
    assert "--resume" in told["error"]["remedy"]
    for latest in file.parent.rglob(checkpoints.LATEST):
        assert checkpoints.load(latest)[checkpoints.OWN_KEY]["step"] == 1
    stop.unlink()
    assert call(file, "--resume", "--stop-file", stop, "--progress", progress)[0] == 0
    told = json.loads(progress.read_bytes())
    assert (told["state"], told["first_step"], told["step"], told["epochs"]) == ("done", 1, 6, {"plain": 2, "logits": 2})
    assert told["error"] is None


def test_a_failure_is_told_in_the_file_too(settings, tmp_path: Path) -> None:
    file, progress = tmp_path / "distil.yaml", tmp_path / "progress.json"
    write(file, settings(tmp_path / "results", dataset="Dataset998_Other"))
    assert call(file, "--progress", progress, "--json")[0] == 9
    told = json.loads(progress.read_bytes())
    assert (told["state"], told["error"]["type"], told["schema"]) == (
        "failed",
        "TrainingDataError",
        "kdseg-training-progress/1",
    )


def test_a_fault_that_nobody_foresaw_is_told_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kdseg_training.distillation.training import runs

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(runs, "open_data_set", fail)
    progress = file.parent / "progress.json"
    code, _, err = call(file, "--progress", progress)
    assert code == 9
    error = json.loads(progress.read_bytes())["error"]
    assert error["found"] == "ZeroDivisionError: a bug, while preparing the run"
    assert error["path"] in err
    assert "Traceback" in Path(error["path"]).read_text()


def test_losses_and_time_are_written_and_numbers_that_are_none_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress_file.time, "monotonic", lambda: float(next(clock)))
    path = tmp_path / "progress.json"
    watched = ProgressFile(path, Silent())
    watched.begin(["a", "b"], 10, 20)
    began = json.loads(path.read_bytes())
    assert (began["state"], began["step"], began["seconds_left"]) == ("training", 10, None)
    watched.step(15, {"a": 0.5, "b": float("nan")})
    told = json.loads(path.read_bytes())
    assert told["losses"] == {"a": 0.5}
    assert told["seconds_left"] > 0
    watched.end()
    assert json.loads(path.read_bytes())["state"] == "finishing"


def test_a_progress_file_that_cannot_be_written_is_told_before_the_run(file: Path) -> None:
    code, _, err = call(file, "--progress", file.parent / "missing" / "progress.json")
    assert code == OutputError.exit_code
    assert "could not be written" in err


def test_later_a_watched_run_goes_on_without_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    watched = ProgressFile(folder / "progress.json", Silent())
    (folder / "progress.json").unlink()
    folder.rmdir()
    watched.say("still here")
    watched.close("done")
    assert not folder.exists()
