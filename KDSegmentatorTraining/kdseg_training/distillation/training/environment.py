"""The arm that stock ``nnUNetv2_train -tr nnUNetTrainerKD`` trains: described by a file that the environment names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import torch

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.config import DistillationConfig, StudentSettings, read_config
from kdseg_training.distillation.training.arm import Arm
from kdseg_training.distillation.training.extras import open_extras
from kdseg_training.distillation.training.pretrained import open_pretrained_weights
from kdseg_training.distillation.training.sources import check_student, open_data_set, open_teacher, set_folders, student_plans

SETTINGS_VARIABLE, STUDENT_VARIABLE = "KDSEG_DISTILLATION", "KDSEG_STUDENT"
"""Path of the settings file; name of the student in it, needed where it lists several."""


def arm_from_environment(
    plans: Dict[str, Any], configuration: str, fold: Any, dataset: Dict[str, Any], device: torch.device
) -> Arm:
    """Read the arm that :data:`SETTINGS_VARIABLE` describes, and check that the command line means the same.

    Raises
    ------
    ConfigurationError
        If the variable is not set, the file is not valid, or command and file differ.
    """
    value = os.environ.get(SETTINGS_VARIABLE)
    if not value:
        raise ConfigurationError(
            "nnUNetTrainerKD does not know what to train.",
            expected=f"the environment variable {SETTINGS_VARIABLE} with the path of a settings file",
            remedy="Set it, or use kdseg-training distill, which takes the file as its argument.",
        )
    config = read_config(Path(value))
    student = _student(config)
    for key, ours, theirs in (("configuration", config.configuration, configuration), ("fold", str(config.fold), str(fold))):
        if ours != theirs:
            raise ConfigurationError(f"The command and the file differ in {key}.", expected=ours, found=theirs, path=value)
    set_folders(config)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    data = open_data_set(config)
    wanted = student_plans(config, student, data)["configurations"].get(configuration)
    if plans["configurations"].get(configuration) != wanted:
        raise ConfigurationError(
            f"The plans of the command are not those of the student {student.name}.",
            expected=f"-p with the plans of {student.plans or f'factor {student.factor or 1:g}'}",
            found=str(plans.get("plans_name")),
            path=value,
            remedy="Write the student's plans with kdseg-training family, and name them with -p.",
        )
    teacher = open_teacher(config, data, device, print) if student.is_distilled else None
    check_student(config, plans, data, teacher, print)
    pretrained = open_pretrained_weights(student, plans, configuration, data.description)
    return Arm(config, student, teacher, pretrained, extras=open_extras(config, data, teacher, device=device, say=print))


def _student(config: DistillationConfig) -> StudentSettings:
    name = os.environ.get(STUDENT_VARIABLE)
    names = ", ".join(student.name for student in config.students)
    chosen = [student for student in config.students if name in (None, "", student.name)]
    if len(chosen) != 1:
        raise ConfigurationError(
            "It is not clear which student to train.",
            expected=f"{STUDENT_VARIABLE} with one of {names}",
            found=repr(name),
            path=config.source,
        )
    return chosen[0]
