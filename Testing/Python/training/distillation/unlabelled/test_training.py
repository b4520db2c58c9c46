"""Runs with unlabelled cases, with a live teacher and with soft labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from kdseg.errors import Cancelled, ConfigurationError, ResumeError, TrainingDataError
from kdseg_testing.small_runs import small_run
from kdseg_testing.training_runs import assert_same, final, make_trainer, run
from kdseg_training.distillation.config import read_config
from kdseg_training.distillation.soft_labels.folder import SoftLabelFolder
from kdseg_training.distillation.soft_labels.run import write_for_run
from kdseg_training.distillation.soft_labels.storage import read_header
from kdseg_training.distillation.unlabelled.cases import UnlabelledCases

STUDENTS = [
    {"name": "logits", "factor": 2, "method": "A"},
    {"name": "features", "factor": 2, "method": "B"},
    {"name": "plain", "factor": 2},
]


def weights(result, number: int = 0):
    return final(result, number)["network_weights"]


def test_a_family_learns_from_unlabelled_scans_and_each_is_as_if_alone(
    dataset, teacher_folder: Path, images: Path, tmp_path: Path
) -> None:
    unlabelled = {"cases": tmp_path / "cases", "images": images}
    family = run(small_run(dataset, teacher_folder, tmp_path / "family", unlabelled=unlabelled, students=STUDENTS))
    for number, student in enumerate(STUDENTS[:2]):
        config = small_run(dataset, teacher_folder, tmp_path / f"alone_{number}", unlabelled=unlabelled, students=[student])
        asked = iter([False, False, False, True])
        with pytest.raises(Cancelled):
            run(config, stop=lambda asked=asked: next(asked))
        assert_same(final(run(config, mode="resume")), final(family, number))
    without = run(small_run(dataset, teacher_folder, tmp_path / "without", students=STUDENTS[:1]))
    assert not all(torch.equal(a, weights(without)[name]) for name, a in weights(family).items())
    with pytest.raises(ResumeError, match="unlabelled"):
        run(
            small_run(dataset, teacher_folder, tmp_path / "without", unlabelled=unlabelled, students=STUDENTS[:1]),
            mode="resume",
        )


def test_a_plain_arm_learns_from_the_labelled_part_alone(dataset, teacher_folder: Path, images: Path, tmp_path: Path) -> None:
    """Other unlabelled scans change a distilled student, and not a plain one."""
    other = tmp_path / "other"
    shutil.copytree(images, other)
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(other / "scan_1_0000.nii.gz")))[:, :, ::-1]
    for name in ("scan_1", "case_0"):
        sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(image) ** 1.5), str(other / f"{name}_0000.nii.gz"))
    results = [
        run(
            small_run(
                dataset,
                teacher_folder,
                tmp_path / f"results_{number}",
                unlabelled={"cases": tmp_path / f"cases_{number}", "images": folder},
                students=[STUDENTS[0], STUDENTS[2]],
                budget={"epochs": 1},
            )
        )
        for number, folder in enumerate((images, other))
    ]
    assert_same(weights(results[0], 1), weights(results[1], 1))
    assert not all(torch.equal(a, weights(results[1])[name]) for name, a in weights(results[0]).items())


def test_soft_labels_serve_unlabelled_cases_and_filter_them(
    dataset, teacher_folder: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlabelled = {"cases": tmp_path / "cases", "images": images}
    changes = {"teacher": {"soft_labels": {"folder": tmp_path / "soft"}}, "unlabelled": unlabelled}
    config = small_run(dataset, teacher_folder, tmp_path / "results", **changes)
    assert write_for_run(config).new == 5
    soft = SoftLabelFolder(tmp_path / "soft", {})
    confidence = {name: read_header(soft.file("unlabelled", name))["confidence"] for name in ("case_0", "scan_1")}
    assert read_header(soft.file("unlabelled", "case_0"))["image"] != read_header(soft.file("labelled", "case_0"))["image"]
    run(config)
    worse, better = sorted(confidence, key=lambda name: confidence[name])
    assert 1 / 3 < confidence[worse] < confidence[better] < 1
    minimum = (confidence[worse] + confidence[better]) / 2
    told: list[str] = []
    filtered = small_run(
        dataset,
        teacher_folder,
        tmp_path / "filtered",
        teacher=changes["teacher"],
        unlabelled={**unlabelled, "minimum_confidence": minimum},
    )
    assert make_trainer(filtered).settings.extras.unlabelled.names == (better,)
    run(filtered, say=told.append)
    assert "Of 2 unlabelled cases the teacher is confident about 1." in told
    with pytest.raises(TrainingDataError, match=r"at least 0.99.*minimum_confidence"):
        UnlabelledCases(tmp_path, ("case_0", "scan_1"), 0.5).confident(confidence, 0.99)


def test_unlabelled_cases_of_the_own_data_set(dataset, teacher_folder: Path, tmp_path: Path) -> None:
    """Few labelled cases, the others without their labels; validation cases are never among them."""
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    folder = root / dataset.preprocessed.name
    (folder / "splits_final.json").write_text(json.dumps([{"train": ["case_0"], "val": ["case_3"]}]))
    cases = folder / "nnUNetPlans_3d_fullres"

    def names(**settings):
        config = small_run(
            dataset, teacher_folder, tmp_path / "results", preprocessed=root, unlabelled={"cases": cases, **settings}
        )
        return make_trainer(config).settings.extras.unlabelled.names

    assert names() == ("case_1", "case_2")
    assert names(names=["case_2"]) == ("case_2",)
    config = small_run(dataset, teacher_folder, tmp_path / "results", preprocessed=root, unlabelled={"cases": cases})
    batch = make_trainer(config).make_batches()["train", 0]
    assert batch["keys"][0] == "case_0"
    assert batch["keys"][1] in ("unlabelled/case_1", "unlabelled/case_2")
    assert batch["target"][0][0].any()
    assert not any(head[1].any() for head in batch["target"])
    with pytest.raises(ConfigurationError, match=r"Validation cases.*case_3"):
        names(names=["case_2", "case_3"])
    with pytest.raises(TrainingDataError, match=r"1 missing: case_9"):
        names(names=["case_9"])
    (folder / "splits_final.json").write_text(json.dumps([{"train": ["case_0", "case_1", "case_2"], "val": ["case_3"]}]))
    with pytest.raises(TrainingDataError, match="There are no unlabelled cases"):
        names()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unlabelled: {cases: c}\nstudents: [{name: a}]\n", ["unlabelled", "no teacher"]),
        (
            "teacher: {model_folder: t}\nunlabelled: {cases: c, minimum_confidence: 0.9}\nstudents: [{name: a}]\n",
            ["minimum_confidence", "teacher.soft_labels"],
        ),
        ("teacher: {model_folder: t}\nunlabelled: {cases: c, share: 1.0}\nstudents: [{name: a}]\n", ["share", "less than 1"]),
        ("teacher: {model_folder: t}\nunlabelled: {share: 0.5}\nstudents: [{name: a}]\n", ["unlabelled.cases"]),
    ],
)
def test_settings_without_sense_are_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("dataset: Dataset001_X\n" + text)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert all(word in str(caught.value) for word in words)


def test_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "dataset: Dataset001_X\nteacher: {model_folder: t}\nunlabelled: {cases: c, images: ../i}\nstudents: [{name: a}]\n"
    )
    unlabelled = read_config(path).unlabelled
    assert unlabelled is not None
    assert (unlabelled.cases, unlabelled.images) == (tmp_path / "c", tmp_path / "../i")


def test_a_mirrored_teacher_of_two_folds_becomes_a_student_of_one_pass(
    dataset, teacher_folder: Path, images: Path, tmp_path: Path
) -> None:
    """Folds and mirroring are paid once, for the soft labels; stock nnU-Net predicts with a single forward."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    config = small_run(
        dataset,
        teacher_folder,
        tmp_path / "results",
        teacher={
            "folds": [0, 1],
            "allow_seen_validation": True,
            "mirroring": True,
            "soft_labels": {"folder": tmp_path / "soft"},
        },
        unlabelled={"cases": tmp_path / "cases", "images": images},
        students=[{"name": "single", "factor": 2, "method": "A", "mirroring": False}],
        budget={"epochs": 1},
    )
    write_for_run(config)
    origin = json.loads((tmp_path / "soft" / "soft_labels.json").read_text())["origin"]
    assert (origin["folds"], origin["mirroring_axes"]) == (["0", "1"], [0, 1, 2])
    result = run(config)
    assert final(result)["inference_allowed_mirroring_axes"] is None
    assert final(result)["trainer_name"] == "nnUNetTrainer"

    predictor = nnUNetPredictor(
        perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False, use_mirroring=True
    )
    predictor.initialize_from_trained_model_folder(str(result.students[0].model_folder), use_folds=(0,))
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    predictor.network.register_forward_hook(count)
    logits = predictor.predict_logits_from_preprocessed_data(torch.randn(1, 8, 8, 8))
    assert (passes, predictor.allowed_mirroring_axes, tuple(logits.shape)) == (1, None, (3, 8, 8, 8))


def test_validation_images_are_recognised_under_other_names(
    dataset, teacher_folder: Path, images: Path, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    shutil.copytree(images, scans)
    shutil.copy(dataset.images / "case_3_0000.nii.gz", scans / "scan_7_0000.nii.gz")
    unlabelled = {"cases": tmp_path / "cases", "images": scans}
    config = small_run(dataset, teacher_folder, tmp_path / "results", unlabelled=unlabelled)
    with pytest.raises(ConfigurationError, match=r"Validation cases.*scan_7"):
        make_trainer(config)
    others = small_run(dataset, teacher_folder, tmp_path / "results", unlabelled={**unlabelled, "names": ["case_0", "scan_1"]})
    assert make_trainer(others).settings.extras.unlabelled.names == ("case_0", "scan_1")
