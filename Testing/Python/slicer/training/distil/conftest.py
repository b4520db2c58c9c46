"""The tab Distil, open, and a stand-in for the companion that answers at once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import qt

from kdseg_testing.shipped import HIPPOCAMPUS
from KDSegmentatorTrainingLib.distil.environment import TrainingPython
from KDSegmentatorTrainingLib.distil.run import forget_finished

STAND_IN = """
import json, os, pathlib, sys, time
arguments = sys.argv[1:]
folder = pathlib.Path(os.environ["STAND_IN"])
behaviour = (folder / "behaviour").read_text().split() if (folder / "behaviour").exists() else []
(folder / "calls").open("a").write(json.dumps(arguments) + "\\n")
if arguments[0] == "export":
    if "export-fails" in behaviour:
        print(json.dumps({"error": {"problem": "The student says nonsense.", "remedy": "Train longer."}}), file=sys.stderr)
        sys.exit(8)
    target = pathlib.Path(arguments[arguments.index("-o") + 1])
    target.mkdir()
    bundle = target / pathlib.Path(os.environ["STAND_IN_BUNDLE"]).name
    bundle.write_bytes(pathlib.Path(os.environ["STAND_IN_BUNDLE"]).read_bytes())
    print(json.dumps({"path": str(bundle)}))
    sys.exit(0)
run = pathlib.Path(arguments[1]).parent
fold = run / "results" / "Dataset999_Test" / "half_D__nnUNetPlans_x2__3d_fullres" / "fold_0"
if "--check" in arguments:
    if "check-fails" in behaviour:
        error = {"problem": "The data set has no cases.", "found": "none", "remedy": "Preprocess it."}
        print("a warning", json.dumps(1), file=sys.stderr)
        print(json.dumps({"error": error}), file=sys.stderr)
        sys.exit(9)
    if "check-crashes" in behaviour:
        print("ImportError: no module named rich", file=sys.stderr)
        sys.exit(1)
    student = {"name": "half_D", "model_folder": str(fold.parent), "fold_folder": str(fold), "parameters": 1234567}
    told = {"students": [{**student, "earlier": "nothing"}], "notes": ["Teacher: tiny."], "steps": 10, "device": "cpu"}
    print(json.dumps({"check": {**told, "training_cases": 3}}))
    sys.exit(0)
options = dict(zip(arguments, arguments[1:]))
progress, stop = pathlib.Path(options["--progress"]), pathlib.Path(options["--stop-file"])
def tell(state, **more):
    beside = progress.with_name("telling")
    beside.write_text(json.dumps({"state": state, "steps": 10, **more}))
    beside.replace(progress)
fold.mkdir(parents=True, exist_ok=True)
rows = ["epoch,loss_total,loss_logits,pseudo_dice_mean,learning_rate,seconds_epoch"]
step = 0
while not stop.exists():
    step = min(step + 1, 8)
    if len(rows) < 4:
        rows.append(f"{len(rows) - 1},{1 / len(rows)},0.5,{0.25 * len(rows)},0.01,2")
        beside = fold / "writing"
        beside.write_text("\\n".join(rows) + "\\n")
        beside.replace(fold / "training.csv")
    tell("training", step=step, seconds_left=90.0, losses={"half_D": 0.125}, message="Teacher: tiny.")
    if "fails" in behaviour:
        print("The end of the log", flush=True)
        tell("failed", error={"problem": "cpu has too little memory for this run.", "remedy": "Lower the batch."})
        sys.exit(9)
    if "finishes" in behaviour:
        (fold / "checkpoint_final.pth").touch()
        tell("done", step=10)
        sys.exit(0)
    time.sleep(0.05)
while "deaf" in behaviour:
    time.sleep(0.05)
tell("stopped", step=step)
"""


@pytest.fixture
def companion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Companion":
    """The stand-in, in place of ``kdseg_training`` for every child of the tab."""
    return Companion(tmp_path / "companion", monkeypatch, HIPPOCAMPUS.path)


class Companion:
    """What the stand-in is told, and what it was asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
        self.folder = folder
        package = folder / "kdseg_training"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "cli.py").write_text(STAND_IN)
        variables = {**os.environ, "PYTHONPATH": str(folder), "STAND_IN": str(folder), "STAND_IN_BUNDLE": str(bundle)}
        for module in ("distil_run", "distil_export"):
            monkeypatch.setattr(f"KDSegmentatorTrainingLib.panel.{module}.environment", lambda: variables)

    def behave(self, *words: str) -> None:
        """Change what it does from now on."""
        (self.folder / "behaviour").write_text(" ".join(words))

    def calls(self) -> "list[list[str]]":
        """Return the arguments of every call."""
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def open_tab(open_panel, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Return a function that opens the panel on the tab Distil; it looks at runs ten times as often as it does in life."""
    monkeypatch.setattr("KDSegmentatorTrainingLib.panel.distil_run.INTERVAL_MS", 100)
    opened = []

    def open_():
        panel = open_panel("KDSegmentatorTraining").panel
        panel.ui.tabs.currentIndex = 0
        opened.append(panel)
        return panel

    yield open_
    for panel in opened:
        if panel.distil.watch.run is not None:
            panel.distil.watch.run.kill()
    forget_finished()


@pytest.fixture
def panel(open_tab):
    """The open panel."""
    return open_tab()


@pytest.fixture
def ready(panel, companion, tmp_path: Path, run_events):
    """The open panel with a form that is filled in, and the stand-in as companion."""
    teacher = tmp_path / "nnUNet_results" / "Dataset999_Test" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    dataset = tmp_path / "nnUNet_preprocessed" / "Dataset999_Test"
    for folder, name in ((teacher, "plans.json"), (dataset, "dataset.json")):
        folder.mkdir(parents=True)
        (folder / name).write_text("{}")
    distil = panel.distil
    distil.tab.python_path.currentPath = sys.executable
    distil.python.known = TrainingPython(sys.executable, "3.12.1", "2.6.0", "2.8.1", (), 2)
    distil.tab.form.teacher_path.currentPath = str(teacher)
    distil.tab.form.run_path.currentPath = str(tmp_path / "run")
    run_events(0.05)
    return panel


@pytest.fixture
def started(ready, hands, wait_until):
    """A run that trains."""
    hands.click(ready.distil.tab.main_button)
    wait_until(lambda: ready.distil.tab.progress.stage_label.text.startswith("Step "), 30, "the training runs")
    return ready


def open_errors() -> list:
    return [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
