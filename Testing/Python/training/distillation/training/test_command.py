"""``kdseg-training distill``: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kdseg.errors import ResumeError
from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.small_runs import MODEL
from kdseg_training.cli import app
from kdseg_training.distillation.training import checkpoints, display
from kdseg_training.distillation.training.check import check_run
from kdseg_training.distillation.training.locks import sole_writer

STUDENTS = [{"name": "plain", "factor": 2}, {"name": "logits", "factor": 2, "method": "A"}]


@pytest.fixture
def file(settings, tmp_path: Path) -> Path:
    path = tmp_path / "distil.yaml"
    config = settings(tmp_path / "results", students=STUDENTS, threads=1, tensorboard=True)
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    return path


def call(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["distill", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_people_see_epochs_costs_and_where_the_students_are(file: Path) -> None:
    code, out, err = call(file)
    assert (code, err) == (0, "")
    assert "plain, logits: training starts, 6 steps in all" in out
    assert "logits epoch 2: loss segmentation" in out
    assert "one by one, from the same measurements" in out
    assert out.count("Wrote ") == 2


@pytest.mark.parametrize(("features", "wider"), [((8, 16, 16), False), ((4, 8, 8), True)])
def test_a_student_that_is_wider_than_its_teacher_is_told(settings, tmp_path: Path, features: tuple, wider: bool) -> None:
    folder = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    teacher = write_model_folder(folder, **{**MODEL, "features": features})
    students = [{"name": "same", "method": "A"}]
    checked = check_run(settings(tmp_path / "results", teacher={"model_folder": teacher}, students=students))
    told = [note for note in checked.notes if "wider than its teacher: 8-16-16 channels against 4-8-8" in note]
    assert bool(told) == wider


def test_a_resume_without_an_earlier_run_is_told(file: Path) -> None:
    code, out, _ = call(file, "--resume")
    assert code == 0
    assert "plain: there is no earlier run; it starts." in out


def test_programs_get_one_object(file: Path) -> None:
    code, out, _ = call(file, "--json")
    assert code == 0
    result = json.loads(out)
    assert [student["name"] for student in result["students"]] == ["plain", "logits"]
    assert Path(result["students"][0]["model_folder"], "fold_0", checkpoints.FINAL).is_file()
    assert result["cost"]["steps"] == 6


def test_tensorboard_reads_what_is_written(file: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    assert call(file)[0] == 0
    (events,) = file.parent.rglob("logits__*/fold_0/tensorboard/events*")
    points = [(v.tag, event.step) for event in EventFileLoader(str(events)).Load() for v in event.summary.value]
    assert {("loss/logits", 3), ("loss/logits", 6), ("pseudo_dice/mean", 6), ("learning_rate", 3)} <= set(points)


def test_an_earlier_run_needs_resume_or_restart(file: Path) -> None:
    assert call(file)[0] == 0
    code, _, err = call(file)
    assert code == ResumeError.exit_code == 9
    assert "--resume" in err
    code, out, _ = call(file, "--resume")
    assert code == 0
    assert "continues after step 6 of 6" in out
    code, out, _ = call(file, "--restart")
    assert code == 0
    assert "The earlier run is now logits__nnUNetPlans_x2__3d_fullres/earlier_fold_0_1." in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--resume", "--restart"], "--resume or --restart"), (["--device", "cuda:99"], "no device cuda:99")],
)
def test_errors_are_sentences_with_an_exit_code(file: Path, arguments: list[str], words: str) -> None:
    code, out, err = call(file, *arguments)
    assert code == 9
    assert words in err
    assert "Traceback" not in out + err
    code, _, err = call(file, *arguments, "--json")
    assert json.loads(err)["error"]["exit_code"] == 9


def test_a_bad_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "distil.yaml"
    path.write_text("dataset: X\nstudents: [{name: a, width: 3}]\n")
    code, _, err = call(path)
    assert code == 9
    assert err.startswith(f"Error: {path}: ")
    assert "students.0.width" in err


def test_sigterm_saves_the_step_and_ends(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(display.PlainLines):
        def step(self, step, losses) -> None:
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(display, "choose_display", Impatient)
    code, _, err = call(file)
    assert code == 130
    assert "Step 2 is saved. Go on with distill --resume" in err
    assert signal.getsignal(signal.SIGTERM) == before
    for latest in file.parent.rglob(checkpoints.LATEST):
        assert checkpoints.load(latest)[checkpoints.OWN_KEY]["step"] == 2


def test_two_processes_cannot_train_in_one_folder(file: Path) -> None:
    folder = file.parent / "results/Dataset999_Test/logits__nnUNetPlans_x2__3d_fullres/fold_0"
    with sole_writer(folder):
        code, _, err = call(file)
    assert code == 9
    assert "Another process is training in this folder" in err
    assert call(file)[0] == 0
