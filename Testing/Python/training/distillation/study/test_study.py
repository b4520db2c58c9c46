"""A whole study on a tiny data set: killed, continued, reported once, carried into a bundle."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml

from kdseg.bundle import load_student
from kdseg.errors import Cancelled, OutputError, ResumeError, TeacherError, TrainingDataError
from kdseg_training.distillation.study.config import read_study
from kdseg_training.distillation.study.inference import case_files, open_predictor
from kdseg_training.distillation.study.outcome import Outcome
from kdseg_training.distillation.study.study import run_study
from kdseg_training.distillation.study.training import Trainings
from kdseg_training.distillation.training.display import Silent
from kdseg_training.export import export_student

PROGRAM = "import sys; from kdseg_training.cli import app; app(['study', *sys.argv[1:]])"


def run(path: Path, **arguments: Any) -> tuple[Outcome, List[str]]:
    said: List[str] = []
    return run_study(read_study(path), say=said.append, **arguments), said


@pytest.fixture(scope="module")
def killed(study_file, tmp_path_factory) -> Path:
    """A study that was killed while its students trained."""
    folder = tmp_path_factory.mktemp("study")
    path = study_file(folder)
    repository = Path(__file__).resolve().parents[5]
    packages = os.pathsep.join(str(repository / name) for name in ("KDSegmentator", "KDSegmentatorTraining"))
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)],
            env={**os.environ, "PYTHONPATH": packages},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while not list(folder.rglob("x2_A_s0__*/fold_0/checkpoint_latest.pth")):
                assert process.poll() is None, (folder / "output.txt").read_text()
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    return path


@pytest.fixture(scope="module")
def finished(killed: Path) -> tuple[Path, Outcome, List[str], Dict[str, int]]:
    folder = killed.parent / "results"
    before = {path.parts[-3]: path.stat().st_mtime_ns for path in folder.rglob("checkpoint_final.pth")}
    outcome, said = run(killed)
    return killed, outcome, said, before


def rows(path: Path) -> List[Dict[str, str]]:
    with (path.parent / "report" / "cases.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_killed_study_goes_on_where_it_was(finished) -> None:
    _, outcome, said, before = finished
    assert list(before) == ["teacher__nnUNetPlans__3d_fullres"]
    teacher = outcome.arms[0].trained
    assert teacher.checkpoint_path.stat().st_mtime_ns == before["teacher__nnUNetPlans__3d_fullres"]
    assert any(re.fullmatch(r"x2_A_s0: continues after step \d+ of 24\.", line) for line in said)
    assert [arm.trained.arm.name for arm in outcome.arms] == ["teacher", "x2_plain_s0", "x2_A_s0"]
    assert all(arm.trained.report["steps"] == 24 for arm in outcome.arms)


def test_what_is_finished_is_not_done_twice_and_the_report_stays(finished) -> None:
    path, *_ = finished
    files = [path.parent / "report.md", path.parent / "report" / "cases.csv"]
    before = [file.read_bytes() for file in files]
    _, said = run(path)
    assert said == [f"Wrote {path.parent / 'report.md'}"]
    assert [file.read_bytes() for file in files] == before


def test_the_report_says_what_the_cases_say(finished) -> None:
    path, outcome, _, _ = finished
    dice = defaultdict(lambda: defaultdict(list))
    for row in rows(path):
        if row["mirroring"] == "yes":
            dice[row["arm"]][row["case"]].append(float(row["dice"]))
    means = {arm: np.mean([np.mean(values) for values in cases.values()]) for arm, cases in dice.items()}
    assert {len(cases) for cases in dice.values()} == {3}
    for group, arm in zip((outcome.main.teacher, *outcome.main.groups), means, strict=True):
        assert outcome.main.of(group).quality["dice"].macro.estimate == pytest.approx(means[arm], abs=1e-5)
    text = (path.parent / "report.md").read_text()
    for arm, parameters in (("teacher", outcome.arms[0].parameters), ("x2_A_s0", outcome.arms[2].parameters)):
        assert re.search(rf"^\| .*\| {parameters:,} \| 1 \| {means[arm]:.4f} \(", text, re.MULTILINE)
    assert outcome.arms[0].parameters > 3 * outcome.arms[2].parameters


def test_the_dice_of_a_case_is_that_of_its_labels(finished, dataset) -> None:
    path, outcome, _, _ = finished
    raw = dataset.images.parent
    predict = open_predictor("kdseg", outcome.arms[0].trained, device="cpu", threads=1)
    predicted = predict(case_files(raw / "imagesTs", "held_1", 1, ".nii.gz"), True).labels
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(raw / "labelsTs" / "held_1.nii.gz")))
    for label in (1, 2):
        a, b = predicted == label, truth == label
        stored = next(r for r in rows(path) if (r["arm"], r["case"], r["label"]) == ("teacher", "held_1", str(label)))
        assert float(stored["dice"]) == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), abs=1e-5)


@pytest.mark.parametrize("mirroring", [True, False])
def test_both_predictors_give_the_same_labels(finished, dataset, mirroring: bool) -> None:
    trained = finished[1].arms[0].trained
    files = case_files(dataset.images.parent / "imagesTs", "held_0", 1, ".nii.gz")
    ours, stock = (open_predictor(name, trained, device="cpu", threads=1)(files, mirroring) for name in ("kdseg", "nnunet"))
    assert ours.labels.any()
    assert np.mean(ours.labels != stock.labels) < 1e-3
    assert ours.geometry.is_close(stock.geometry)


def test_the_test_is_reported_once(finished, study_file) -> None:
    path, *_ = finished
    text = (path.parent / "report.md").read_text()
    changed = path.parent / "changed.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["statistics"]["margins"]["dice"] = 0.5
    changed.write_text(yaml.safe_dump(settings))
    with pytest.raises(OutputError, match="reported already, with other settings"):
        run(changed)
    assert (path.parent / "report.md").read_text() == text
    run(changed, force=True)
    forced = (path.parent / "report.md").read_text()
    assert "reported before, with other settings or networks (1 times" in forced
    run(path, force=True)
    assert "(2 times" in (path.parent / "report.md").read_text()


def test_the_test_cases_can_be_left_alone(finished) -> None:
    path, *_ = finished
    before = (path.parent / "report.md").stat().st_mtime_ns
    outcome, said = run(path, validation_only=True)
    assert outcome.analyses == {}
    assert set(outcome.validation_dice()) == {(2.0, "plain"), (2.0, "A")}
    assert outcome.recommended() == {2.0: "A"}
    assert said == []
    assert (path.parent / "report.md").stat().st_mtime_ns == before


def test_a_document_that_no_study_wrote_is_left_alone(study_file, tmp_path: Path) -> None:
    path = study_file(tmp_path)
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(OutputError, match="no study wrote"):
        run(path)
    assert (tmp_path / "report.md").read_text() == "mine"


def test_an_arm_of_other_settings_is_not_taken(finished) -> None:
    path, *_ = finished
    changed = path.parent / "budget.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["budget"]["learning_rate"] = 0.5
    settings["report"] = str(path.parent / "other.md")
    changed.write_text(yaml.safe_dump(settings))
    with pytest.raises(ResumeError, match=r"budget\.learning_rate: 0\.01 -> 0\.5"):
        run(changed)
    assert not (path.parent / "other.md").exists()


def test_a_given_teacher_must_have_had_the_same_budget(finished) -> None:
    path, outcome, *_ = finished
    settings = yaml.safe_load(path.read_text())
    settings["teacher"] = {"model_folder": str(outcome.arms[0].trained.model_folder)}

    def trainings(**budget: int) -> Trainings:
        changed = path.parent / "given.yaml"
        changed.write_text(yaml.safe_dump({**settings, "budget": {**settings["budget"], **budget}}))
        return Trainings(read_study(changed), display=Silent, stop=lambda: True, say=print)

    given = trainings().teacher()
    assert given.checkpoint_path == outcome.arms[0].trained.checkpoint_path
    assert given.report == {}
    with pytest.raises(TeacherError, match=r"not trained as the students will be.*'epochs': 5.*Found:.*'epochs': 2"):
        trainings(epochs=5).teacher()
    settings["teacher"]["require_same_budget"] = False
    assert trainings(epochs=5).teacher().checkpoint_path == given.checkpoint_path


def test_unlabelled_scans_teach_the_distilled_arms(finished, tmp_path: Path) -> None:
    path, outcome, *_ = finished
    images = tmp_path / "more"
    images.mkdir()
    voxels = 100 + 10 * np.random.default_rng(1).standard_normal((12, 13, 14)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(images / "scan_0000.nii.gz"))
    settings = yaml.safe_load(path.read_text())
    settings["results"], settings["report"], settings["inference"]["mirroring"] = "results", "report.md", [False]
    settings["budget"] = {"epochs": 1, "iterations": 2, "validation_iterations": 1, "batch_size": 2}
    settings["teacher"] = {
        "model_folder": str(outcome.arms[0].trained.model_folder),
        "require_same_budget": False,
        "mirroring": True,
        "soft_labels": {"folder": "soft"},
    }
    settings["unlabelled"] = {"cases": "cases", "images": "more"}
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(settings))
    found, said = run(study)
    assert (tmp_path / "cases" / "scan.b2nd").is_file()
    assert sorted(path.name for path in (tmp_path / "soft" / "labelled").glob("*.npz")) == [f"case_{n}.npz" for n in range(3)]
    assert [path.name for path in (tmp_path / "soft" / "unlabelled").glob("*.npz")] == ["scan.npz"]
    assert any(line.startswith("Soft labels: ") for line in said)
    assert found.arms[0].parameters == outcome.arms[0].parameters  # a given teacher's are counted, without a report
    assert [arm.trained.report["settings"]["unlabelled"]["share"] for arm in found.arms[1:]] == [0.5, 0.5]
    assert any(line.startswith("Unlabelled: 1 case, 50% of each batch") for line in said)
    text = (tmp_path / "report.md").read_text()
    assert "saw as well, in the same batches, 1 scan without labels" in text
    assert "Every student was trained for 2 steps (1 epoch of 2)" in text
    teacher_steps = outcome.config.budget.steps
    assert f"Teacher: given, after {teacher_steps} steps; **its budget was not compared**" in text
    assert re.search(rf"^\| teacher \| {teacher_steps} \| – \|", text, re.MULTILINE)
    assert "on the same batches for the same seed" not in text
    assert "Students learn from its answers of whole scans, computed once, the mean over the mirrored copies." in text
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert (results["unlabelled"], results["settings"]["unlabelled"]) == (["scan"], {"share": 0.5})
    assert str(tmp_path) not in json.dumps(results)
    again, _ = run(study)  # the arms are taken as they are
    assert [arm.checkpoint_sha256 for arm in again.arms] == [arm.checkpoint_sha256 for arm in found.arms]


def test_a_held_back_case_is_no_unlabelled_scan(finished, tmp_path: Path) -> None:
    path, outcome, *_ = finished
    settings = yaml.safe_load(path.read_text())
    voxels = np.random.default_rng(1).standard_normal((12, 13, 14)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "held_1_0000.nii.gz"))
    settings["teacher"] = {"model_folder": str(outcome.arms[0].trained.model_folder), "require_same_budget": False}
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump({**settings, "unlabelled": {"cases": "cases", "images": "."}}))
    with pytest.raises(TrainingDataError, match=r"Validation or test cases are among the unlabelled ones.*held_1"):
        run(study, validation_only=True)


def test_test_cases_among_the_training_data_are_found(study_file, dataset, tmp_path: Path) -> None:
    split = {"train": ["case_0", "case_1"], "validation": ["case_3"], "test": ["case_2", "held_0"]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    with pytest.raises(TrainingDataError, match=r"Test cases are among the training data.*case_2"):
        run(study_file(tmp_path, split=str(tmp_path / "split.json")))


def test_another_fold_than_the_published_one_is_found(study_file, tmp_path: Path) -> None:
    split = {"train": ["case_0", "case_1"], "validation": ["case_3"], "test": ["held_0"]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    with pytest.raises(TrainingDataError, match="train cases of fold 0 are not those of the split"):
        run(study_file(tmp_path, split=str(tmp_path / "split.json")))


def test_a_stop_is_a_cancellation(study_file, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run(study_file(tmp_path), stop=lambda: True)


def test_a_student_carries_its_record_into_the_bundle(finished, tmp_path: Path) -> None:
    _, outcome, _, _ = finished
    arm = outcome.arms[2]
    exported = export_student(arm.trained.model_folder, tmp_path, metadata={"provenance": {"dataset": {"licence": "CC0-1.0"}}})
    document = load_student(exported.path).document
    provenance = document["provenance"]
    assert document["capacity"] == "1/2"
    assert provenance["teacher"].startswith("teacher__nnUNetPlans__3d_fullres, weights sha256 ")
    assert provenance["distillation"]["method"] == "method A: logits"
    assert provenance["distillation"]["settings"]["losses"][0]["temperature"] == 2.0
    assert provenance["distillation"]["settings"]["budget"]["epochs"] == 2
    assert provenance["seeds"] == [0]
    assert provenance["dataset"] == {"name": "Dataset999_Test", "licence": "CC0-1.0", "training_cases": 3}
    assert set(provenance["software"]) >= {"torch (training)", "torch"}
    measured = document["quality"]["classes"][0]["dice"]
    assert measured["n"] == 3
    own = arm.test[True].matrix("dice")[:, 0]
    assert measured["mean"] == pytest.approx(own.mean(), abs=1e-4)


def test_a_record_of_another_checkpoint_is_left_out_and_told(finished, tmp_path: Path) -> None:
    _, outcome, _, _ = finished
    folder = tmp_path / outcome.arms[2].trained.model_folder.name
    shutil.copytree(outcome.arms[2].trained.model_folder, folder)
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "_best_ema": 0.5}, path)
    exported = export_student(folder, tmp_path / "bundles")
    document = load_student(exported.path).document
    assert document["provenance"]["teacher"] is None
    assert "quality" not in document
    assert [note for note in exported.notes if "quality.json" in note]
    assert [note for note in exported.notes if "training.json" in note]
