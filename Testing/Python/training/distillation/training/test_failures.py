"""Whatever goes wrong ends in an error that says what to do, and the last good checkpoint stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from kdseg.errors import (
    ConfigurationError,
    DeviceMemoryError,
    DivergenceError,
    TeacherError,
    TrainingDataError,
)
from kdseg_testing.training_runs import make_trainer, run
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.devices import choose_device
from kdseg_training.distillation.training.failures import readable_failures
from kdseg_training.distillation.training.family import FamilyTraining
from kdseg_training.distillation.training.precision import choose_precision
from kdseg_training.distillation.training.step import to_device

CPU = torch.device("cpu")


@pytest.mark.parametrize("poisoned", ["loss", "gradient"])
def test_divergence_keeps_the_last_good_checkpoint(settings, tmp_path: Path, poisoned: str) -> None:
    trainer = make_trainer(settings(tmp_path))
    weight = next(trainer.network.parameters())

    def poison() -> bool:
        if trainer.step == 4:
            if poisoned == "loss":
                weight.data.fill_(float("nan"))
            else:
                weight.register_hook(lambda gradient: gradient * float("inf"))
        return False

    with pytest.raises(DivergenceError, match=r"step 4.*learning_rate") as error:
        FamilyTraining([trainer], stop=poison).run()
    kept = checkpoints.load(trainer.folder / checkpoints.LATEST)
    assert kept[checkpoints.OWN_KEY]["step"] == 3
    assert all(bool(w.isfinite().all()) for w in kept["network_weights"].values())
    assert error.value.path == str(trainer.folder / checkpoints.LATEST)
    assert not (trainer.folder / checkpoints.FINAL).exists()


def test_gradients_that_overflow_at_every_step_are_no_success(settings, tmp_path: Path) -> None:
    """In fp16 a step whose gradients overflow is left out; leaving out all of them is not training."""
    trainer = make_trainer(settings(tmp_path, budget={"epochs": 10}))
    trainer.grad_scaler = torch.amp.GradScaler("cpu")
    next(trainer.network.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(DivergenceError, match=r"scale of the gradients 0\.5"):
        FamilyTraining([trainer]).run()
    assert not (trainer.folder / checkpoints.FINAL).exists()


def test_an_image_that_is_not_finite_is_named(settings, tmp_path: Path) -> None:
    trainer = make_trainer(settings(tmp_path))
    batches = trainer.make_batches()
    batch = to_device(batches["train", 0], CPU, torch.contiguous_format)
    batch.data[1, 0, 3, 3, 3] = float("nan")
    with pytest.raises(TrainingDataError, match=rf"NaN or infinity in {batch.keys[1]} at step 0"):
        trainer.learn(batch, None)


@pytest.mark.parametrize(
    "raised",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
)
def test_too_little_memory_names_what_can_be_lowered(raised: Exception) -> None:
    with pytest.raises(DeviceMemoryError, match=r"batch_size \(now 3\).*fewer students"), readable_failures("cuda:0", 3):
        raise raised


def test_other_failures_are_not_dressed_up() -> None:
    with pytest.raises(RuntimeError, match="something else"), readable_failures(CPU, 1):
        raise RuntimeError("something else")


def test_a_label_without_an_output_is_a_data_error(settings, dataset, tmp_path: Path) -> None:
    """dataset.json was cut down after preprocessing."""
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    path = root / dataset.preprocessed.name / "dataset.json"
    description = json.loads(path.read_text())
    description["labels"] = {"background": 0, "A": 1}
    path.write_text(json.dumps(description))
    with pytest.raises(TrainingDataError, match="label"):
        run(settings(tmp_path / "results", preprocessed=root, budget={"batch_size": 6}))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dataset": "Dataset123_Missing"}, TrainingDataError, "Dataset123_Missing is not there"),
        ({"dataset": 123}, TrainingDataError, "123 is not there"),
        ({"plans": "otherPlans"}, TrainingDataError, r"otherPlans\.json.*nnUNetPlans\.json"),
        ({"configuration": "3d_lowres"}, ConfigurationError, "3d_lowres"),
        ({"fold": 7}, TrainingDataError, "no fold 7"),
        ({"precision": "fp16"}, ConfigurationError, "fp16 is for CUDA"),
        ({"teacher": {"model_folder": "nowhere"}, "students": [{"name": "a", "method": "A"}]}, TeacherError, "nowhere"),
        ({"teacher": {"folds": [3]}, "students": [{"name": "a", "method": "A"}]}, TeacherError, "3"),
        ({"students": [{"name": "a", "plans": "missing"}]}, TrainingDataError, r"missing\.json"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(settings, tmp_path: Path, changes, error, message: str) -> None:
    with pytest.raises(error, match=message):
        run(settings(tmp_path / "results", **changes))
    assert not list(tmp_path.rglob("checkpoint*"))


@pytest.mark.parametrize(
    ("broken", "message"), [("no cases", "empty"), ("a case missing", r"1 missing: case_1"), ("no folder", "not preprocessed")]
)
def test_missing_data_say_what_to_run(settings, dataset, tmp_path: Path, broken: str, message: str) -> None:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    cases = root / dataset.preprocessed.name / "nnUNetPlans_3d_fullres"
    if broken == "no folder":
        shutil.rmtree(cases)
    else:
        for path in list(cases.glob("*")):
            if broken == "no cases" or path.name.startswith("case_1"):
                path.unlink()
        (cases / "case_9.pkl").write_bytes(b"")
    with pytest.raises(TrainingDataError, match=f"(?s){message}.*nnUNetv2_plan_and_preprocess"):
        run(settings(tmp_path / "results", preprocessed=root))


def test_a_case_that_is_cut_off_is_named(settings, dataset, tmp_path: Path) -> None:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    for path in (root / dataset.preprocessed.name / "nnUNetPlans_3d_fullres").glob("case_?.b2nd"):
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(TrainingDataError, match="nnUNetv2_preprocess"):
        run(settings(tmp_path / "results", preprocessed=root))


def test_folders_must_be_said(settings, tmp_path: Path) -> None:
    config = settings(tmp_path)
    with pytest.raises(ConfigurationError, match="nnUNet_results"):
        run(config.model_copy(update={"results": None}))


def test_devices_that_are_not_there() -> None:
    assert choose_device("cpu") == CPU
    with pytest.raises(ConfigurationError, match="no device cuda:77"):
        choose_device("cuda:77")


def test_precision_is_chosen_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    assert (choose_precision("auto", cuda).name, choose_precision("auto", cuda).needs_scaler) == ("fp16", True)
    for supported, name in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(
            "kdseg_training.distillation.training.precision.cpu_has_bf16", lambda supported=supported: supported
        )
        assert choose_precision("auto", CPU).name == name
    assert not choose_precision("bf16", CPU).needs_scaler


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_of_the_cpu_train(settings, tmp_path: Path, precision: str) -> None:
    result = run(settings(tmp_path, precision=precision, students=[{"name": "a", "factor": 2, "method": "C"}]))
    content = checkpoints.load(result.students[0].checkpoint)
    assert content[checkpoints.OWN_KEY]["settings"]["precision"] == precision
    assert all(w.dtype == torch.float32 for w in content["network_weights"].values())
