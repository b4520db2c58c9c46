"""Stock ``nnUNetv2_train`` finds the trainer, stock ``nnUNetv2_predict`` reads its students."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from kdseg.errors import ConfigurationError
from kdseg_testing.tiny_dataset import run_stock_commands
from kdseg_testing.training_runs import assert_same, final, run
from kdseg_training.distillation.family import derive_plans
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.environment import arm_from_environment

STUDENTS = [
    {"name": "logits", "factor": 2, "method": "A"},
    {"name": "unmirrored", "factor": 2, "method": "A", "mirroring": False},
]


@pytest.fixture(scope="module")
def results(dataset, settings, tmp_path_factory):
    """Results of ``kdseg-training distill`` and of stock commands with the same file, in one folder."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("results")
    config = settings(folder, students=STUDENTS, threads=1)
    trained = run(config)
    file = folder / "distil.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    plans = derive_plans(json.loads((dataset.preprocessed / "nnUNetPlans.json").read_text()), factor=2)
    (dataset.preprocessed / "nnUNetPlans_x2.json").write_text(json.dumps(plans))
    repository = Path(__file__).resolve().parents[5]
    common = ["-p", "nnUNetPlans_x2", "-device", "cpu"]
    train = ["nnUNetv2_train", dataset.preprocessed.name, "3d_fullres", "0", "-tr", "nnUNetTrainerKD", *common]
    predict = [
        "nnUNetv2_predict",
        "-i",
        str(dataset.images),
        "-d",
        "999",
        "-c",
        "3d_fullres",
        "-f",
        "0",
        "-npp",
        "0",
        "-nps",
        "0",
    ]
    run_stock_commands(
        dataset,
        [
            train,
            [*predict, *common, "-tr", "nnUNetTrainerKD", "-o", str(folder / "by_stock")],
            [*predict, *common, "-tr", "logits", "-o", str(folder / "by_distill")],
            [*predict, *common, "-tr", "unmirrored", "-o", str(folder / "unmirrored")],
            [*predict, *common, "-tr", "unmirrored", "-o", str(folder / "disabled"), "--disable_tta"],
        ],
        nnUNet_results=str(folder),
        nnUNet_extTrainer=str(repository / "KDSegmentatorTraining/kdseg_training/distillation/nnunet_trainers"),
        KDSEG_DISTILLATION=str(file),
        KDSEG_STUDENT="logits",
        OMP_WAIT_POLICY="passive",
    )
    return folder, trained


def segmentations(folder: Path) -> dict[str, bytes]:
    import SimpleITK as sitk

    return {p.name: sitk.GetArrayFromImage(sitk.ReadImage(str(p))).tobytes() for p in sorted(folder.glob("*.nii.gz"))}


def test_both_ways_give_the_same_student(results) -> None:
    folder, trained = results
    (stock,) = folder.rglob(f"nnUNetTrainerKD__nnUNetPlans_x2__3d_fullres/fold_0/{checkpoints.FINAL}")
    ours = final(trained)
    theirs = torch.load(stock, weights_only=True)
    for key in ("network_weights", "trainer_name", "inference_allowed_mirroring_axes", "current_epoch"):
        assert_same(theirs[key], ours[key])


def test_stock_predict_runs_every_student(results) -> None:
    folder, _ = results
    by_stock, by_distill = segmentations(folder / "by_stock"), segmentations(folder / "by_distill")
    assert len(by_stock) == 4
    assert by_stock == by_distill


def test_stock_predict_leaves_mirroring_out_by_itself(results) -> None:
    folder, trained = results
    assert_same(final(trained, 0)["network_weights"], final(trained, 1)["network_weights"])
    unmirrored = segmentations(folder / "unmirrored")
    assert unmirrored == segmentations(folder / "disabled")
    assert unmirrored != segmentations(folder / "by_distill"), "mirroring made no difference, so this test shows nothing"


def test_without_a_file_the_trainer_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDSEG_DISTILLATION", raising=False)
    with pytest.raises(ConfigurationError, match="KDSEG_DISTILLATION"):
        arm_from_environment({}, "3d_fullres", 0, {}, torch.device("cpu"))


@pytest.mark.parametrize(
    ("student", "configuration", "fold", "plans", "message"),
    [
        ("", "3d_fullres", 0, "nnUNetPlans_x2", "which student"),
        ("other", "3d_fullres", 0, "nnUNetPlans_x2", "which student"),
        ("logits", "2d", 0, "nnUNetPlans_x2", "differ in configuration"),
        ("logits", "3d_fullres", 1, "nnUNetPlans_x2", "differ in fold"),
        ("logits", "3d_fullres", 0, "nnUNetPlans", "kdseg-training family"),
    ],
)
def test_command_and_file_must_mean_the_same(
    results, dataset, monkeypatch: pytest.MonkeyPatch, student: str, configuration: str, fold: int, plans: str, message: str
) -> None:
    monkeypatch.setenv("KDSEG_DISTILLATION", str(results[0] / "distil.yaml"))
    monkeypatch.setenv("KDSEG_STUDENT", student)
    content = json.loads((dataset.preprocessed / f"{plans}.json").read_text())
    with pytest.raises(ConfigurationError, match=message):
        arm_from_environment(content, configuration, fold, {}, torch.device("cpu"))
