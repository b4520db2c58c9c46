"""From a settings file to trained students."""

from __future__ import annotations

import contextlib
import copy
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Literal, Optional, Sequence, Tuple

import torch

from kdseg.errors import ResumeError
from kdseg_training.distillation.config import DistillationConfig, StudentSettings
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.arm import Arm
from kdseg_training.distillation.training.cost import Cost
from kdseg_training.distillation.training.devices import choose_device, process_device
from kdseg_training.distillation.training.display import Display
from kdseg_training.distillation.training.extras import NO_EXTRAS, Extras, open_extras
from kdseg_training.distillation.training.family import FamilyTraining
from kdseg_training.distillation.training.locks import sole_writer
from kdseg_training.distillation.training.model_files import copy_shared, require_same_model
from kdseg_training.distillation.training.pretrained import open_pretrained_weights
from kdseg_training.distillation.training.processes import Processes, torchrun_processes
from kdseg_training.distillation.training.sources import (
    RESULTS,
    DataSet,
    check_student,
    open_data_set,
    open_teacher,
    require_writable_results,
    set_folders,
    student_plans,
)
from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

Mode = Literal["new", "resume", "restart"]


@dataclass(frozen=True)
class TrainedStudent:
    """What a run leaves for one student.

    Attributes
    ----------
    name
        The arm's name.
    model_folder
        An ordinary nnU-Net model folder.
    checkpoint
        The final checkpoint in it.
    pseudo_dice
        Of the last epoch.
    """

    name: str
    model_folder: Path
    checkpoint: Path
    pseudo_dice: float


@dataclass(frozen=True)
class TrainingResult:
    """Students and what they cost."""

    students: Tuple[TrainedStudent, ...]
    cost: Cost
    is_first_process: bool


def _nothing(_: str) -> None:
    """Say nothing."""


def train_from_config(
    config: DistillationConfig,
    *,
    mode: Mode = "new",
    device: Optional[str] = None,
    display: Optional[Display] = None,
    stop: Optional[Callable[[], bool]] = None,
    say: Callable[[str], None] = _nothing,
) -> TrainingResult:
    """Train all students of a configuration together.

    Parameters
    ----------
    config
        See :func:`kdseg_training.distillation.config.read_config`.
    mode
        ``new`` refuses a folder with an earlier run; ``resume`` continues it (a student without checkpoint starts);
        ``restart`` moves it aside and starts again.
    device
        Instead of the configuration's.
    display, stop
        See :class:`FamilyTraining`.
    say
        Told of what people should know, a sentence at a time.

    Raises
    ------
    TrainingError, OutputError, Cancelled
        Named after what went wrong; earlier runs and the last checkpoints are untouched.
    """
    target = choose_device(device or config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    set_folders(config)
    require_writable_results(config)
    with torchrun_processes(target.type) as processes:
        target = process_device(target, processes)
        say = say if processes.is_first else _nothing
        data = open_data_set(config)
        teacher = open_teacher(config, data, target, say)
        extras = open_extras(config, data, teacher, device=target, processes=processes, say=say)
        arms = [new_arm(config, student, data, teacher, say=say, extras=extras) for student in config.students]
        for arm, plans in arms:
            require_same_model(model_folder(arm), str(config.fold), config.configuration, plans, data.description)
        _claim_folders([fold_folder(arm) for arm, _ in arms], mode, processes, say)
        trainers = [new_trainer(arm, plans, data, target) for arm, plans in arms]
        for trainer in trainers:
            trainer.initialize()
            path = checkpoints.newest(trainer.folder)
            if path is not None:
                trainer.load_checkpoint(str(path))
                say(f"{trainer.name}: continues after step {trainer.step} of {trainer.steps}.")
                continue
            if mode == "resume":
                say(f"{trainer.name}: there is no earlier run; it starts.")
            if trainer.start:
                say(trainer.start)
        training = FamilyTraining(trainers, display=display, stop=stop)
        training.run()
        if config.predict_validation:
            for trainer in trainers:
                trainer.perform_actual_validation()
        students = tuple(
            TrainedStudent(t.name, t.folder.parent, t.folder / checkpoints.FINAL, t.history[-1].mean_pseudo_dice)
            for t in trainers
        )
        return TrainingResult(students, training.cost, processes.is_first)


def new_arm(
    config: DistillationConfig,
    student: StudentSettings,
    data: DataSet,
    teacher: Optional[Teacher],
    *,
    say: Callable[[str], None] = _nothing,
    extras: Extras = NO_EXTRAS,
) -> Tuple[Arm, Dict[str, Any]]:
    """Return an arm and its plans, after checking that its teacher fits it."""
    plans = student_plans(config, student, data)
    own_teacher = teacher if student.is_distilled else None
    check_student(config, plans, data, own_teacher, say)
    folder = Path(os.environ[RESULTS]) / data.name / f"{student.name}__{plans['plans_name']}__{config.configuration}"
    pretrained = open_pretrained_weights(student, plans, config.configuration, data.description)
    return Arm(config, student, own_teacher, pretrained, folder, extras, quiet=True), plans


def fold_folder(arm: Arm) -> Path:
    """Return where an arm's checkpoints and tables go."""
    return model_folder(arm) / f"fold_{arm.config.fold}"


def model_folder(arm: Arm) -> Path:
    """Return where an arm's plans and folds lie."""
    return Path(arm.folder or ".")


def _claim_folders(folders: Sequence[Path], mode: Mode, processes: Processes, say: Callable[[str], None]) -> None:
    """Make sure that earlier runs in these folders are continued, moved aside, or left alone."""
    occupied = [folder for folder in folders if processes.any(checkpoints.newest(folder) is not None)[0]]
    processes.any(False)  # all have looked before the first one moves anything
    if mode == "new":
        require_free(occupied)
    if mode == "restart" and processes.is_first:
        for folder in occupied:
            with sole_writer(folder):
                pass
            number = next(n for n in range(1, 10**6) if not (folder.parent / f"earlier_{folder.name}_{n}").exists())
            aside = folder.parent / f"earlier_{folder.name}_{number}"
            copy_shared(folder.parent, folder)
            folder.rename(aside)
            say(f"The earlier run is now {aside.parent.name}/{aside.name}.")
    processes.any(False)


def require_free(occupied: Sequence[Path]) -> None:
    """Raise :class:`ResumeError` if there are folders with an earlier run."""
    if occupied:
        raise ResumeError(
            "An earlier run lies in this folder.",
            expected="a new folder",
            found="a checkpoint",
            path=occupied[0],
            remedy="Continue it with --resume, or start again with --restart, which moves it aside.",
        )


def new_trainer(arm: Arm, plans: Dict[str, Any], data: DataSet, device: torch.device) -> nnUNetTrainerKD:
    """Return the trainer of an arm, not yet initialised; it makes its folder."""
    trainer_class = type(nnUNetTrainerKD.__name__, (nnUNetTrainerKD,), {"arm": arm})
    arguments: Dict[str, Any] = {
        "plans": {**copy.deepcopy(plans), "continue_training": False},
        "configuration": arm.config.configuration,
        "fold": arm.config.fold,
        "dataset_json": copy.deepcopy(data.description),
        "device": device,
    }
    with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints its device
        trainer: nnUNetTrainerKD = trainer_class(**arguments)
    return trainer
