"""A tiny data set, a tiny teacher, and runs of a few steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.small_runs import MODEL, laid_over
from kdseg_testing.tiny_dataset import TinyDataset, write_tiny_dataset
from kdseg_training.distillation.config import DistillationConfig

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
        return DistillationConfig.model_validate(laid_over(values, changes))

    return make
