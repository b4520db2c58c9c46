"""Compute the soft labels that a run needs."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

import torch

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.config import DistillationConfig
from kdseg_training.distillation.soft_labels.folder import SoftLabelFolder, origin_of
from kdseg_training.distillation.soft_labels.prediction import WholeVolumes
from kdseg_training.distillation.soft_labels.writing import CaseGroup, Progress, Written, write_soft_labels
from kdseg_training.distillation.training.devices import choose_device
from kdseg_training.distillation.training.extras import find_unlabelled, preprocessed_fold
from kdseg_training.distillation.training.output import software
from kdseg_training.distillation.training.sources import check_student, open_data_set, open_teacher, set_folders, student_plans


def write_for_run(
    config: DistillationConfig,
    *,
    device: Optional[str] = None,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = lambda _done, _all, _case: None,
) -> Written:
    """Compute the soft labels that a run with this configuration needs.

    Raises
    ------
    TrainingError, OutputError
        Named after what went wrong.
    """
    target = choose_device(device or config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if config.teacher is None or config.teacher.soft_labels is None:
        raise ConfigurationError(
            "The file does not say where to store soft labels.",
            expected="teacher.soft_labels: {folder: …}",
            found="no teacher" if config.teacher is None else "a teacher without soft_labels",
            path=config.source,
        )
    settings = config.teacher.soft_labels
    set_folders(config)
    data = open_data_set(config)
    teacher = open_teacher(config, data, target, say)
    if teacher is None:
        raise ConfigurationError(
            "No student of the run listens to the teacher.", expected="a student with method or losses", path=config.source
        )
    for student in config.students:
        check_student(config, student_plans(config, student, data), data, teacher, lambda _: None)
    fold = preprocessed_fold(config, data)
    unlabelled = find_unlabelled(config, data, fold, say=say)
    groups = [CaseGroup("labelled", fold.folder, fold.training)]
    if unlabelled is not None:
        groups.append(CaseGroup("unlabelled", unlabelled.folder, unlabelled.names))
    folder = SoftLabelFolder(settings.folder, origin_of(teacher, settings))
    information: Dict[str, Any] = {
        "data_set": data.name,
        "teacher_folder": teacher.source.folder.name,
        "checkpoint": teacher.source.checkpoint,
        "checkpoint_sha256": list(teacher.source.checkpoint_sha256),
        "software": software(),
    }
    folder.claim(information)
    return write_soft_labels(
        folder,
        groups,
        WholeVolumes(teacher, target, settings.tile_step),
        regions=fold.scheme.regions,
        channels=len(teacher.plan.channel_names),
        progress=progress,
    )
