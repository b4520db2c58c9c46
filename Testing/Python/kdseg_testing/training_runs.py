"""Runs of a few steps, and comparison of what they leave."""

from __future__ import annotations

from typing import Any, Dict

import torch

from kdseg_training.distillation.config import DistillationConfig
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.extras import open_extras
from kdseg_training.distillation.training.runs import TrainingResult, new_arm, new_trainer, train_from_config
from kdseg_training.distillation.training.sources import open_data_set, open_teacher, set_folders
from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

TIMES = ("seconds", "time", "epoch_start_timestamps", "epoch_end_timestamps")
"""Keys of a checkpoint that depend on the clock."""


def run(config: DistillationConfig, **arguments: Any) -> TrainingResult:
    """Train."""
    return train_from_config(config, **arguments)


def make_trainer(config: DistillationConfig, *, student: int = 0) -> nnUNetTrainerKD:
    """Return an initialised trainer of one student, as a run makes it."""
    set_folders(config)
    data = open_data_set(config)
    teacher = open_teacher(config, data, torch.device("cpu"), print)
    extras = open_extras(config, data, teacher)
    arm, plans = new_arm(config, config.students[student], data, teacher, extras=extras)
    trainer = new_trainer(arm, plans, data, torch.device("cpu"))
    trainer.initialize()
    return trainer


def final(result: TrainingResult, number: int = 0) -> Dict[str, Any]:
    """Return a student's final checkpoint."""
    return torch.load(result.students[number].checkpoint, weights_only=True)


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """Equal to the last bit, nested containers included; wall-clock times are left out."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if key not in TIMES:
                assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}/{i}")
    else:
        assert a == b or (a != a and b != b), where


def checkpoint_steps(trainer: nnUNetTrainerKD) -> int:
    """Return the step that a trainer's newest checkpoint was written at."""
    path = checkpoints.newest(trainer.folder)
    assert path is not None
    return int(checkpoints.load(path)[checkpoints.OWN_KEY]["step"])
