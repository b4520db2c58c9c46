"""A tiny data set, a tiny teacher, and runs of a few steps."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import torch

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset
from kdseg_training.distillation.config import DistillationConfig

MODEL: Dict[str, Any] = {"features": (8, 16, 16), "patch_size": (8, 8, 8), "spacing_mm": (1.0, 1.0, 1.0)}

Settings = Callable[..., DistillationConfig]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"), cases=4, shape=(14, 16, 12), **MODEL)


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained teacher: random, but the same for every student."""
    return write_model_folder(tmp_path_factory.mktemp("teacher") / "nnUNetTrainer__nnUNetPlans__3d_fullres", seed=5, **MODEL)


@pytest.fixture(scope="session")
def settings(dataset: TinyDataset, teacher_folder: Path) -> Settings:
    """Return a run of two epochs of three steps, with changes laid over it."""

    def make(results: Path, **changes: Any) -> DistillationConfig:
        values: Dict[str, Any] = {
            "dataset": "Dataset999_Test",
            "seed": 3,
            "budget": {"epochs": 2, "iterations": 3, "validation_iterations": 2},
            "teacher": {"model_folder": teacher_folder},
            "students": [{"name": "plain", "factor": 2}],
            "preprocessed": dataset.root / "preprocessed",
            "results": results,
            "workers": 0,
            "precision": "fp32",
            "tensorboard": False,
        }
        for key, value in changes.items():
            values[key] = {**values[key], **value} if isinstance(values.get(key), dict) and isinstance(value, dict) else value
        return DistillationConfig.model_validate(copy.deepcopy(values))

    return make


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks do not get faster with more, and other tests run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs set nnU-Net's folders in the environment; each test has its own."""
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_raw"):
        monkeypatch.setenv(name, "")
