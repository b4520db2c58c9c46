"""A form that is filled in, and a stand-in for ``kdseg-training`` that watches its files like the real one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from KDSegmentatorTrainingLib.distil.folder import CONFIGURATION
from KDSegmentatorTrainingLib.distil.run import DistilRun, forget_finished
from KDSegmentatorTrainingLib.distil.settings import DistilSettings

STAND_IN = """
import json, os, pathlib, sys, time
options = dict(zip(sys.argv, sys.argv[1:]))
progress, stop = pathlib.Path(options["--progress"]), pathlib.Path(options["--stop-file"])
print("arguments", json.dumps(sys.argv[1:]), flush=True)
print("variables", json.dumps({n: os.environ.get(n) for n in ("KDSEG_CHECK", "PYTHONHOME")}), flush=True)
def tell(state, **more):
    beside = progress.with_name("telling")
    beside.write_text(json.dumps({"state": state, "step": 3, "steps": 6, **more}))
    beside.replace(progress)
behaviour = os.environ.get("STAND_IN", "")
tell("training", seconds_left=7.5, losses={"half_A": 0.5})
if behaviour == "fail":
    tell("failed", error={"problem": "The data set is empty.", "remedy": "Fill it."})
    sys.exit(9)
if behaviour == "crash":
    print("Segmentation fault", flush=True)
    os._exit(139)
if behaviour == "end":
    tell("done")
    sys.exit(0)
while not stop.exists():
    time.sleep(0.02)
tell("stopped")
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A teacher's model folder and a preprocessed data set, as far as the form looks at them."""
    teacher = tmp_path / "results" / "Dataset004_Hippocampus" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    dataset = tmp_path / "preprocessed" / "Dataset004_Hippocampus"
    for folder, name in ((teacher, "plans.json"), (dataset, "dataset.json")):
        folder.mkdir(parents=True)
        (folder / name).write_text("{}")
    return teacher, dataset


@pytest.fixture
def settings(folders: tuple[Path, Path]) -> Callable[..., DistilSettings]:
    """Return a function that fills in the form."""
    teacher, dataset = folders
    return lambda **changes: DistilSettings(**{"teacher": teacher, "dataset": dataset, **changes})


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a run whose ``kdseg_training`` is the stand-in."""
    package = tmp_path / "stand-in" / "kdseg_training"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(STAND_IN)
    return {**os.environ, "PYTHONPATH": str(package.parent)}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Callable[..., DistilRun]:
    """Return a function that starts a run in a folder; what still runs at the end of the test is ended."""
    made: list[DistilRun] = []

    def start_(name: str = "run", *, behaviour: str = "", mode: str = "new", **arguments: Any) -> DistilRun:
        run = DistilRun(tmp_path / name)
        run.folder.make()
        run.folder.file(CONFIGURATION).write_text(json.dumps({}))
        made.append(run)
        variables = {**environment, "STAND_IN": behaviour}
        values = {"settings": {"epochs": 5}, "students": (), **arguments}
        run.start(sys.executable, values["settings"], values["students"], mode=mode, environment=variables)
        return run

    yield start_
    for run in made:
        run.kill()
        wait_until(lambda run=run: run.folder.state() is None or not run._is_running(run.folder.state()))
    forget_finished()


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> object:
    """Return what the condition gave as soon as it holds."""
    import time

    limit = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return result


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., object]:
    """The function, for tests."""
    return wait_until
