"""From label maps to a trained arm: the data set that nnU-Net plans, the stream of a run, resume."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml
from pydantic import ValidationError

from kdseg.errors import AgreementError, ConfigurationError, ResumeError, TrainingDataError
from kdseg.sides import SideExchange
from kdseg_testing.training_runs import assert_same, final, make_trainer, run
from kdseg_training.distillation.config import DistillationConfig
from kdseg_training.distillation.training.check import check_run
from kdseg_training.synthesis import dataset as dataset_module
from kdseg_training.synthesis.config import SynthesisConfig, read_synthesis_config
from kdseg_training.synthesis.dataset import SyntheticDataSet, prepare
from kdseg_training.synthesis.plans import recipe_plans, strides
from kdseg_training.synthesis.prepared import FOLDER, open_prepared, read_description

from .conftest import ANATOMY, SPACING_MM, phantom

NETWORK = {"patch_size": [16, 24, 16], "batch_size": 1, "features": [4, 8, 8], "blocks": [1, 1, 1]}


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("synthetic")


@pytest.fixture(scope="session")
def config(root: Path, label_maps: Path) -> SynthesisConfig:
    (root / "anatomy.yaml").write_text(yaml.safe_dump(ANATOMY), encoding="utf-8")
    values = {
        "dataset": "Dataset998_Phantom",
        "label_maps": str(label_maps),
        "validation": ["two"],
        "anatomy": "anatomy.yaml",
        "spacing_mm": SPACING_MM,
        "network": NETWORK,
        "raw": "raw",
        "preprocessed": "preprocessed",
    }
    (root / "synthesis.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_synthesis_config(root / "synthesis.yaml")


@pytest.fixture(scope="session")
def prepared(config: SynthesisConfig) -> SyntheticDataSet:
    """Made by nnU-Net's own planning and preprocessing, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 1)
        patch.setenv("nnUNet_raw", "")
        patch.setenv("nnUNet_preprocessed", "")
        return prepare(config)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_raw"):
        monkeypatch.setenv(name, "")


def settings(prepared: SyntheticDataSet, results: Path, **changes: Any) -> DistillationConfig:
    values: Dict[str, Any] = {
        "dataset": "Dataset998_Phantom",
        "plans": prepared.plans,
        "budget": {"epochs": 2, "iterations": 2, "validation_iterations": 1},
        "students": [{"name": "plain"}],
        "synthesis": {},
        "mirror_augmentation": False,
        "preprocessed": prepared.preprocessed.parent,
        "results": results,
        "workers": 0,
        "precision": "fp32",
        "tensorboard": False,
    }
    return DistillationConfig.model_validate({**values, **changes})


def test_the_plans_have_the_recipes_network_and_turn_volumes_to_ras(prepared: SyntheticDataSet) -> None:
    plans = json.loads((prepared.preprocessed / f"{prepared.plans}.json").read_text())
    found = plans["configurations"]["3d_fullres"]
    assert plans["image_reader_writer"] == "SimpleITKIOWithReorient"
    assert (found["patch_size"], found["batch_size"], found["spacing"]) == ([16, 24, 16], 1, [SPACING_MM] * 3)
    assert (found["normalization_schemes"], found["use_mask_for_norm"]) == (["ZScoreNormalization"], [False])
    assert found["architecture"]["network_class_name"].endswith("ResidualEncoderUNet")
    assert found["architecture"]["arch_kwargs"]["features_per_stage"] == [4, 8, 8]
    assert found["architecture"]["arch_kwargs"]["strides"] == [[1, 1, 1], [2, 2, 2], [2, 2, 2]]
    split = json.loads((prepared.preprocessed / "splits_final.json").read_text())
    assert split == [{"train": ["one", "three"], "val": ["two"]}]


def test_images_and_labels_lie_on_the_original_label_map(prepared: SyntheticDataSet, label_maps: Path) -> None:
    labels = sitk.ReadImage(str(prepared.raw / "labelsTr" / "one.nii.gz"))
    image = sitk.ReadImage(str(prepared.raw / "imagesTr" / "one_0000.nii.gz"))
    assert labels.GetSize() == image.GetSize()
    assert sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(labels.GetDirection()) == "RAS"
    values = sitk.GetArrayFromImage(labels)
    original = phantom()
    assert int((values == 1).sum()) == int((original == 2).sum())
    assert int((values == 5).sum()) == int((original == 24).sum())


def test_a_second_preparation_does_nothing_and_other_settings_are_refused(config, prepared) -> None:
    before = (prepared.preprocessed / f"{prepared.plans}.json").stat().st_mtime_ns
    said: list[str] = []
    assert prepare(config, say=said.append) == prepared
    assert said == ["Dataset998_Phantom is prepared already."]
    assert (prepared.preprocessed / f"{prepared.plans}.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigurationError, match="other settings") as caught:
        prepare(config.model_copy(update={"spacing_mm": 5.0}))
    assert "spacing_mm" in str(caught.value)
    with pytest.raises(ConfigurationError, match="other seed"):
        prepare(config.model_copy(update={"seed": 1}))
    wider = config.network.model_copy(update={"features": [4, 8, 16], "batch_size": 2})
    with pytest.raises(ConfigurationError, match=r"batch_size 2, features \[4, 8, 16\].*batch_size 1, features \[4, 8, 8\]"):
        prepare(config.model_copy(update={"network": wider}))


def test_the_seed_of_an_earlier_version_is_not_known(config, prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its runs were begun with stays the same."""
    stored = read_description(prepared.preprocessed / FOLDER)
    earlier = stored.model_copy(update={"seed": None})
    assert (stored.seed, earlier.digest()) == (0, stored.digest())
    monkeypatch.setattr(dataset_module, "read_description", lambda _: earlier)
    said: list[str] = []
    assert prepare(config.model_copy(update={"seed": 1}), say=said.append) == prepared
    assert "not compared" in said[1]


def test_a_run_learns_from_the_stream_and_resumes_to_the_same_bits(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    whole = run(settings(prepared, tmp_path / "whole"))
    asked = iter([False, False, True])
    with pytest.raises(Exception, match="stopped"):
        run(settings(prepared, tmp_path / "parts"), stop=lambda: next(asked))
    resumed = run(settings(prepared, tmp_path / "parts"), mode="resume")
    assert_same(final(resumed)["network_weights"], final(whole)["network_weights"])
    assert final(whole)["inference_allowed_mirroring_axes"] is None
    assert not np.isnan(whole.students[0].pseudo_dice)


def test_a_teacher_that_exchanges_the_sides_of_the_anatomy(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    """Samples are (z, y, x) in RAS order, so x grows to the right of the body: left and right change places along axis 2.

    By hand: class 0 is background, 1 and 2 are left and right white, 3 and 4 left and right grey, 5 is fluid on both sides.
    """
    first = run(settings(prepared, tmp_path / "teacher"))
    folder = first.students[0].checkpoint.parents[1]
    teacher = {"model_folder": folder, "exchange_sides": True, "allow_seen_validation": True}
    student = {"name": "student", "losses": [{"kind": "soft_dice"}]}
    config = settings(prepared, tmp_path / "student", teacher=teacher, students=[student])
    trainer = make_trainer(config)
    listened = trainer.settings.teacher
    assert listened is not None and listened.sides is not None
    assert listened.sides.classes == (0, 2, 1, 4, 3, 5)
    assert listened.sides.axis == 2
    assert trainer.told["teacher"]["exchange_sides"]
    assert run(config).students[0].checkpoint.is_file()


def test_left_and_right_lie_apart_along_the_axis_that_is_mirrored(prepared: SyntheticDataSet) -> None:
    """Also of the head whose file runs to the left, the bottom and the front: it was turned to R, A, S."""
    opened = open_prepared(prepared.preprocessed / FOLDER)
    (two,) = opened.validation
    classes = np.asarray(opened.anatomy.target)[two.voxels]
    left_grey, right_grey = (np.argwhere(classes == number).mean(axis=0) for number in (3, 4))
    apart = right_grey - left_grey
    assert apart[2] > 5
    assert np.abs(apart[:2]).max() < 1
    assert SideExchange((0,)).axis == 2


def test_only_label_maps_tell_the_sides(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    teacher = {"model_folder": tmp_path, "exchange_sides": True}
    with pytest.raises(ValidationError, match="exchange_sides"):
        settings(prepared, tmp_path, teacher=teacher, synthesis=None, mirror_augmentation=True)


def test_a_run_is_not_continued_on_another_stream(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    asked = iter([True])
    with pytest.raises(Exception, match="stopped"):
        run(settings(prepared, tmp_path), stop=lambda: next(asked))
    other = tmp_path / "other"
    other.mkdir()
    source = prepared.preprocessed / "synthesis"
    for path in source.glob("*.npz"):
        (other / path.name).write_bytes(path.read_bytes())
    description = json.loads((source / "synthesis.json").read_text())
    description["appearance"]["spatial"]["rotation_deg"] = 10.0
    (other / "synthesis.json").write_text(json.dumps(description))
    with pytest.raises(ResumeError, match="other settings"):
        run(settings(prepared, tmp_path, synthesis={"folder": other}), mode="resume")
    with pytest.raises(ResumeError, match="other settings"):
        check_run(settings(prepared, tmp_path, synthesis={"folder": other}), mode="resume")
    assert check_run(settings(prepared, tmp_path), mode="resume").students[0].earlier == "unfinished"


@pytest.mark.parametrize("use", [run, check_run])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["anatomy"]["structures"].reverse(), r"differ in classes.*1 Left white.*\(the data set's\).*5 Left white"),
        (lambda d: d.update(spacing_mm=3.0), r"differ in spacing.*4\.0, 4\.0, 4\.0.*spacing 3 mm"),
    ],
    ids=["classes", "spacing"],
)
def test_label_maps_of_another_data_set_are_refused(
    prepared: SyntheticDataSet, tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str, use: Callable[..., Any]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(prepared.preprocessed / FOLDER, other)
    description = json.loads((other / "synthesis.json").read_text())
    change(description)
    (other / "synthesis.json").write_text(json.dumps(description))
    with pytest.raises(AgreementError, match=words) as caught:
        use(settings(prepared, tmp_path / "results", synthesis={"folder": other}))
    assert caught.value.path == str(other)
    assert not (tmp_path / "results").exists()


def test_a_check_opens_the_label_maps(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    checked = check_run(settings(prepared, tmp_path / "results"))
    assert "Batches are drawn on the CPU from 2 label maps, those for validation from 1 others." in checked.notes
    other = tmp_path / "other"
    shutil.copytree(prepared.preprocessed / FOLDER, other)
    (other / "one.npz").unlink()
    with pytest.raises(TrainingDataError, match=r"one\.npz"):
        check_run(settings(prepared, tmp_path / "results", synthesis={"folder": other}))
    with pytest.raises(TrainingDataError, match="no prepared label maps"):
        check_run(settings(prepared, tmp_path / "results", synthesis={"folder": tmp_path / "nowhere"}))


def test_a_changed_label_map_is_noticed(prepared: SyntheticDataSet, tmp_path: Path) -> None:
    for path in (prepared.preprocessed / "synthesis").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert len(open_prepared(tmp_path).training) == 2
    (tmp_path / "one.npz").write_bytes((tmp_path / "three.npz").read_bytes())
    with pytest.raises(TrainingDataError, match="not the one that was prepared"):
        open_prepared(tmp_path)
    (tmp_path / "synthesis.json").unlink()
    with pytest.raises(TrainingDataError, match="no prepared label maps"):
        open_prepared(tmp_path)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"mirror_augmentation": True}, "mirror_augmentation: false"),
        (
            {"synthesis": {"on_device": True}, "teacher": {"model_folder": "t"}, "unlabelled": {"cases": "c"}},
            "on_device: false",
        ),
        ({"teacher": {"model_folder": "t", "soft_labels": {"folder": "s"}}}, "every sample is new"),
        ({"synthesis": {"speed": 1}}, "speed"),
    ],
)
def test_what_cannot_go_together_is_refused(tmp_path: Path, changes: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        settings(SyntheticDataSet(tmp_path, tmp_path, "nnUNetPlans", 1, 1), tmp_path, **changes)


@pytest.mark.parametrize(
    ("network", "word"),
    [
        ({**NETWORK, "patch_size": [16, 24, 18]}, "multiples of 4"),
        ({**NETWORK, "blocks": [1, 1]}, "expected as many"),
        ({**NETWORK, "features": [4, 0, 8]}, "from 1 on"),
    ],
)
def test_a_network_that_cannot_be_is_refused(root: Path, config: SynthesisConfig, network: dict, word: str) -> None:
    values = {**config.model_dump(mode="json"), "network": network}
    (root / "wrong.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=word):
        read_synthesis_config(root / "wrong.yaml")


def test_missing_label_maps_are_named(config: SynthesisConfig) -> None:
    with pytest.raises(TrainingDataError, match="nobody"):
        prepare(config.model_copy(update={"validation": ["two", "nobody"]}))
    with pytest.raises(ConfigurationError, match="--label-maps"):
        prepare(config.model_copy(update={"label_maps": None}))
    with pytest.raises(ConfigurationError, match="for validation"):
        prepare(config.model_copy(update={"validation": ["one", "two", "three"]}))


def test_another_planned_spacing_is_not_accepted(prepared: SyntheticDataSet, config: SynthesisConfig) -> None:
    plans = json.loads((prepared.preprocessed / f"{prepared.plans}.json").read_text())
    with pytest.raises(TrainingDataError, match="spacing"):
        recipe_plans(plans, "x", config.network, 3.0)
    assert strides(2) == [[1, 1, 1], [2, 2, 2]]
    assert torch.tensor(strides(4)).prod(0).tolist() == [8, 8, 8]
