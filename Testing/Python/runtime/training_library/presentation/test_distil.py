"""What the tab Distil says."""

from __future__ import annotations

import math

import pytest

from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorTrainingLib.distil.curves import Quantity
from KDSegmentatorTrainingLib.distil.environment import TrainingPython
from KDSegmentatorTrainingLib.distil.folder import Progress, StudentFolder
from KDSegmentatorTrainingLib.distil.run import RunPhase
from KDSegmentatorTrainingLib.distil.settings import DEVICES, METHODS
from KDSegmentatorTrainingLib.presentation.distil import (
    DistilSituation,
    device_texts,
    distil_readiness,
    method_texts,
    parameters_text,
    python_sentence,
    quantity_texts,
    run_progress,
    student_columns,
    student_rows,
)


@pytest.mark.parametrize(
    ("phase", "button", "enabled", "again", "locked"),
    [
        (None, "&Start", False, False, False),
        (RunPhase.NEW, "&Start", True, False, False),
        (RunPhase.RUNNING, "&Stop", True, False, True),
        (RunPhase.STOPPING, "&Stop at once…", True, False, True),
        (RunPhase.STOPPED, "&Resume", True, True, False),
        (RunPhase.ENDED, "&Resume", True, True, False),
        (RunPhase.FAILED, "&Resume", True, True, False),
        (RunPhase.DONE, "&Start", False, True, False),
        (RunPhase.ELSEWHERE, "&Resume", True, False, False),
    ],
)
def test_buttons_follow_the_run(phase, button: str, enabled: bool, again: bool, locked: bool) -> None:
    state = distil_readiness(DistilSituation(phase))
    assert (state.button, state.enabled, state.again, state.locked) == (button, enabled, again, locked)


@pytest.mark.parametrize("phase", [None, *RunPhase])
def test_nothing_can_be_pressed_while_a_child_is_asked(phase) -> None:
    state = distil_readiness(DistilSituation(phase, asking="Checking…"))
    assert (state.enabled, state.again, state.locked, state.sentence) == (False, False, True, "Checking…")


def test_sentences() -> None:
    assert "Slicer may be closed" in distil_readiness(DistilSituation(RunPhase.RUNNING)).sentence
    assert distil_readiness(DistilSituation(RunPhase.RUNNING, message="Loading.")).sentence == "Loading."
    failed = distil_readiness(DistilSituation(RunPhase.FAILED, error="No memory."))
    assert (failed.sentence, failed.tone) == ("No memory.", Tone.PROBLEM)
    assert distil_readiness(DistilSituation(RunPhase.ELSEWHERE)).tone is Tone.WARNING
    sentences = [
        distil_readiness(DistilSituation(phase, error="x")).sentence for phase in RunPhase if phase is not RunPhase.NEW
    ]
    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


def test_the_bar_of_a_run() -> None:
    training = Progress("training", step=50, steps=200, seconds_left=7200.0)
    view = run_progress(training, RunPhase.RUNNING)
    assert view is not None
    assert (view.percent, view.stage, view.time_left) == (25, "Step 50 of 200", "about 2 h 0 min left")
    preparing, finishing = (run_progress(Progress(state), RunPhase.RUNNING) for state in ("preparing", "finishing"))
    assert (preparing.percent, preparing.stage, finishing.stage) == (None, "Preparing…", "Finishing…")
    assert run_progress(training, RunPhase.STOPPING).stage == "Stopping…"
    assert all(run_progress(training, phase) is None for phase in (None, RunPhase.NEW, RunPhase.DONE, RunPhase.STOPPED))


def test_rows_of_students(tmp_path) -> None:
    (tmp_path / "checkpoint_final.pth").touch()
    students = (StudentFolder("half_A", "m", str(tmp_path), 25_600_000), StudentFolder("new", "m", str(tmp_path / "no")))
    tables = {"half_A": {"epoch": [0.0, 1.0], "loss_total": [2.0, 1.5], "pseudo_dice_mean": [0.5, math.nan]}}
    assert student_rows(students, tables, Progress()) == [
        ("half_A", "25.60 M", "2 ✓", "1.5000", "–"),
        ("new", "–", "0", "–", "–"),
    ]
    assert student_rows(students[:1], tables, Progress(losses={"half_A": 0.25}))[0][3] == "0.2500"
    assert len(student_columns()) == 5
    assert (parameters_text(99_999), parameters_text(100_000), parameters_text(0)) == ("99999", "0.10 M", "–")


def test_what_a_python_has() -> None:
    gpu = TrainingPython("p", "3.11.9", "2.6.0", "2.8.1", ("NVIDIA A", "NVIDIA B"), 8)
    assert python_sentence(gpu) == "Python 3.11.9, PyTorch 2.6.0, nnU-Net 2.8.1; trains on NVIDIA A, NVIDIA B."
    cpu = TrainingPython("p", "3.11.9", "2.6.0", "", (), 8)
    assert python_sentence(cpu) == "Python 3.11.9, PyTorch 2.6.0, nnU-Net –; trains on the CPU (8 threads)."


def test_lists_offer_everything_there_is() -> None:
    assert tuple(value for value, _, _ in method_texts()) == METHODS
    assert tuple(value for value, _ in device_texts()) == DEVICES
    assert {value for value, _ in quantity_texts()} == set(Quantity)
