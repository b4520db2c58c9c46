"""Settings of runs of a few steps on a tiny data set."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Dict, Mapping

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.tiny_dataset import TinyDataset
from kdseg_training.distillation.config import DistillationConfig

MODEL: Dict[str, Any] = {"features": (8, 16, 16), "patch_size": (8, 8, 8), "spacing_mm": (1.0, 1.0, 1.0)}
"""Plans of the data set and its networks."""


def small_run(dataset: TinyDataset, teacher: Path, results: Path, /, **changes: Any) -> DistillationConfig:
    """Return a run of two epochs of three steps, with changes laid over it, nested ones too."""
    values: Dict[str, Any] = {
        "dataset": dataset.preprocessed.name,
        "seed": 3,
        "budget": {"epochs": 2, "iterations": 3, "validation_iterations": 1},
        "teacher": {"model_folder": teacher},
        "students": [{"name": "logits", "factor": 2, "method": "A"}],
        "preprocessed": dataset.root / "preprocessed",
        "results": results,
        "workers": 0,
        "threads": 1,
        "precision": "fp32",
        "device": "cpu",
        "tensorboard": False,
    }
    return DistillationConfig.model_validate(laid_over(values, changes))


def laid_over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a copy of the values with changes; where both have a mapping, its keys are changed one by one."""
    changed = dict(values)
    for key, value in changes.items():
        before = changed.get(key)
        changed[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return copy.deepcopy(changed)


def two_fold_teacher(folder: Path) -> Path:
    """Write an untrained teacher that allows mirroring, with two folds, into a folder, and return its model folder."""
    teacher = folder / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    for fold in (0, 1):
        write_model_folder(teacher, fold=fold, seed=5 + fold, mirroring_axes=(0, 1, 2), **MODEL)
    return teacher
