"""A run that was stopped or killed, and continued, equals the one that was not, to the last bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from kdseg.errors import Cancelled, ResumeError
from kdseg_testing.training_runs import assert_same, final, run
from kdseg_training.distillation.training import checkpoints

STUDENT = {"name": "student", "factor": 2, "method": "B"}
"""With adapters and context blocks, which a checkpoint must keep too."""


def stop_after(steps: int):
    asked = iter([False] * (steps - 1) + [True] * 100)
    return lambda: next(asked)


@pytest.fixture(scope="module")
def uninterrupted(settings, tmp_path_factory):
    torch.set_num_threads(1)
    config = settings(tmp_path_factory.mktemp("whole"), students=[STUDENT], budget={"ema_decay": 0.9})
    return final(run(config))


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_a_stopped_run_continues_as_if_nothing_had_happened(settings, tmp_path: Path, uninterrupted, steps: int) -> None:
    config = settings(tmp_path, students=[STUDENT], budget={"ema_decay": 0.9})
    with pytest.raises(Cancelled, match="--resume"):
        run(config, stop=stop_after(steps))
    (latest,) = tmp_path.rglob(checkpoints.LATEST)
    assert checkpoints.load(latest)[checkpoints.OWN_KEY]["step"] == steps
    assert_same(final(run(config, mode="resume")), uninterrupted)
    assert not list(tmp_path.rglob(checkpoints.LATEST))


def test_checkpoints_hold_what_a_resume_needs(uninterrupted) -> None:
    own = uninterrupted[checkpoints.OWN_KEY]
    assert own["step"] == 6
    assert any("adapters" in name for name in own["adapters"])
    assert len(uninterrupted["optimizer_state"]["param_groups"]) == 2
    averaged, last = uninterrupted["network_weights"], own["average"]["average"]
    assert_same(averaged, last)


def test_kill_9_loses_only_the_interval(settings, tmp_path: Path, uninterrupted) -> None:
    config = settings(tmp_path / "results", students=[STUDENT], budget={"ema_decay": 0.9}, checkpoint_every=1, threads=1)
    file = tmp_path / "distil.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    process = subprocess.Popen(
        [sys.executable, "-m", "kdseg_training.cli", "distill", str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        while not list(tmp_path.rglob(checkpoints.LATEST)):
            assert process.poll() is None, process.communicate()[0].decode()
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    found = checkpoints.newest(next((tmp_path / "results").rglob("fold_0")))
    assert found is not None
    assert checkpoints.load(found)[checkpoints.OWN_KEY]["step"] >= 1
    assert_same(final(run(config, mode="resume")), uninterrupted)


def test_a_finished_run_is_left_as_it_is(settings, tmp_path: Path) -> None:
    config = settings(tmp_path)
    checkpoint = run(config).students[0].checkpoint
    before = torch.load(checkpoint, weights_only=True)
    assert_same(final(run(config, mode="resume")), before)


def test_an_earlier_run_is_not_overwritten(settings, tmp_path: Path) -> None:
    config = settings(tmp_path)
    checkpoint = run(config).students[0].checkpoint
    before = checkpoint.read_bytes()
    with pytest.raises(ResumeError, match=r"--resume.*--restart"):
        run(config)
    assert checkpoint.read_bytes() == before


def test_restart_moves_the_earlier_run_aside(settings, tmp_path: Path) -> None:
    config = settings(tmp_path)
    checkpoint = run(config).students[0].checkpoint
    before = checkpoint.read_bytes()
    run(settings(tmp_path, seed=4), mode="restart")
    aside = checkpoint.parent.parent / "earlier_fold_0_1" / checkpoint.name
    assert aside.read_bytes() == before
    assert checkpoint.is_file()


def test_other_settings_are_refused_and_named(settings, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run(settings(tmp_path), stop=stop_after(1))
    changed = settings(tmp_path, budget={"learning_rate": 0.02})
    with pytest.raises(ResumeError, match=r"budget\.learning_rate: 0\.01 -> 0\.02"):
        run(changed, mode="resume")


@pytest.mark.parametrize("keep", [0, 0.5, 0.999])
def test_a_damaged_checkpoint_is_refused_and_kept(settings, tmp_path: Path, keep: float) -> None:
    with pytest.raises(Cancelled):
        run(settings(tmp_path), stop=stop_after(1))
    (latest,) = tmp_path.rglob(checkpoints.LATEST)
    damaged = latest.read_bytes()[: int(latest.stat().st_size * keep)]
    latest.write_bytes(damaged)
    with pytest.raises(ResumeError, match="damaged"):
        run(settings(tmp_path), mode="resume")
    assert latest.read_bytes() == damaged


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / checkpoints.LATEST
    checkpoints.save(path, {"a": torch.ones(3)})
    before = path.read_bytes()

    with pytest.raises(Exception, match="cannot pickle"):
        checkpoints.save(path, {"a": torch.ones(3), "b": (i for i in range(3))})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [checkpoints.LATEST]


def test_adamw_resumes_too(settings, tmp_path: Path) -> None:
    budget = {"optimizer": "adamw", "weight_decay": 0}
    whole = final(run(settings(tmp_path / "whole", students=[STUDENT], budget=budget)))
    config = settings(tmp_path / "parts", students=[STUDENT], budget=budget)
    with pytest.raises(Cancelled):
        run(config, stop=stop_after(1))
    (latest,) = (tmp_path / "parts").rglob(checkpoints.LATEST)
    state = checkpoints.load(latest)["optimizer_state"]
    assert state["param_groups"][0]["lr"] == 0.001
    assert {"exp_avg", "exp_avg_sq"} <= set(state["state"][0])
    assert_same(final(run(config, mode="resume")), whole)
