"""What an arm leaves is complete, whenever it was interrupted, and never at the cost of what lay there before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kdseg.errors import ResumeError
from kdseg_testing.training_runs import run
from kdseg_training.distillation.training import checkpoints, output
from kdseg_training.export.checkpoint import read_checkpoint
from kdseg_training.export.model_folder import open_model_folder

NARROW, WIDE = ({"name": "student", "factor": 4, "floor": floor} for floor in (2, 6))
"""Two networks whose folders have the same name."""


@pytest.fixture
def two_folds(dataset, tmp_path: Path) -> Path:
    """The data set with a second fold."""
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    names = [f"case_{number}" for number in range(4)]
    splits = [{"train": names[:3], "val": names[3:]}, {"train": names[1:], "val": names[:1]}]
    (root / dataset.preprocessed.name / "splits_final.json").write_text(json.dumps(splits))
    return root


def test_an_end_that_was_interrupted_is_made_up_for(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last checkpoint was written, but the disk was full when the curves were."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as changed:
        changed.setattr(output, "draw_curves", full)
        with pytest.raises(OSError, match="No space"):
            run(settings(tmp_path))
    (final,) = tmp_path.rglob(checkpoints.FINAL)
    before = final.read_bytes()
    assert not (final.parent / output.REPORT).exists()
    run(settings(tmp_path), mode="resume")
    assert final.read_bytes() == before
    report = json.loads((final.parent / output.REPORT).read_text())
    assert report["steps"] == 6
    assert (final.parent / output.CURVES).is_file()
    assert not list(tmp_path.rglob(checkpoints.LATEST))


def test_a_finished_arm_keeps_its_report(settings, tmp_path: Path) -> None:
    run(settings(tmp_path))
    (report,) = tmp_path.rglob(output.REPORT)
    before = report.read_bytes()
    run(settings(tmp_path), mode="resume")
    assert report.read_bytes() == before


def test_another_fold_cannot_change_what_describes_this_one(settings, two_folds: Path, tmp_path: Path) -> None:
    first = run(settings(tmp_path / "results", preprocessed=two_folds, students=[NARROW])).students[0]
    before = (first.model_folder / "plans.json").read_bytes()
    with pytest.raises(ResumeError, match="other values of architecture"):
        run(settings(tmp_path / "results", preprocessed=two_folds, students=[WIDE], fold=1))
    assert (first.model_folder / "plans.json").read_bytes() == before
    run(settings(tmp_path / "results", preprocessed=two_folds, students=[NARROW], fold=1))
    assert {path.parent.name for path in first.model_folder.rglob(checkpoints.FINAL)} == {"fold_0", "fold_1"}


def test_a_run_that_is_moved_aside_takes_its_plans_with_it(settings, tmp_path: Path) -> None:
    first = run(settings(tmp_path, students=[NARROW])).students[0]
    run(settings(tmp_path, students=[WIDE]), mode="restart")
    aside = first.model_folder / "earlier_fold_0_1"
    widths = []
    for folder, fold in ((aside, "0"), (first.model_folder, "0")):
        if folder is aside:  # as a user would make a model folder of it
            (aside / "fold_0").mkdir()
            shutil.move(aside / checkpoints.FINAL, aside / "fold_0")
        files = open_model_folder(folder, fold, checkpoints.FINAL)
        stages = files.plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"]
        weights = read_checkpoint(files.checkpoint_path).weights
        assert weights["encoder.stages.0.0.convs.0.conv.weight"].shape[0] == stages[0]
        widths.append(stages[0])
    assert widths == [2, 6]


def test_other_cases_in_the_fold_are_noticed(settings, two_folds: Path, tmp_path: Path) -> None:
    config = settings(tmp_path / "results", preprocessed=two_folds)
    run(config)
    (path,) = two_folds.rglob("splits_final.json")
    splits = json.loads(path.read_text())
    splits[0]["train"].pop()
    path.write_text(json.dumps(splits))
    with pytest.raises(ResumeError, match="cases: "):
        run(config, mode="resume")
