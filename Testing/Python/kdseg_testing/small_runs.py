"""Settings of runs of a few steps on a tiny data set."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Dict

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
    for key, value in changes.items():
        values[key] = {**values[key], **value} if isinstance(values.get(key), dict) and isinstance(value, dict) else value
    return DistillationConfig.model_validate(copy.deepcopy(values))
