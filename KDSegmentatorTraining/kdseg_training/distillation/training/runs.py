"""From a settings file to trained students."""

from __future__ import annotations

import contextlib
import copy
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Literal, Optional, Tuple

import torch

from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ConfigurationError, ResumeError, TrainingDataError
from kdseg_training.distillation.config import DistillationConfig, StudentSettings
from kdseg_training.distillation.family import derive_plans
from kdseg_training.distillation.teacher import Teacher, check_agreement, check_folds, load_teacher
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.arm import Arm
from kdseg_training.distillation.training.cost import Cost
from kdseg_training.distillation.training.display import Display
from kdseg_training.distillation.training.family import FamilyTraining
from kdseg_training.distillation.training.processes import Processes, torchrun_processes
from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

Mode = Literal["new", "resume", "restart"]

PREPROCESSED, RESULTS = "nnUNet_preprocessed", "nnUNet_results"
"""nnU-Net's environment variables."""


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


@dataclass(frozen=True)
class DataSet:
    """A planned data set.

    Attributes
    ----------
    name
        ``Dataset004_Hippocampus``.
    folder
        Where it is preprocessed.
    description
        Its ``dataset.json``.
    """

    name: str
    folder: Path
    description: Dict[str, Any]

    def plans(self, name: str) -> Dict[str, Any]:
        """Return a plans file."""
        return _read_json(self.folder / f"{name}.json")


def train_from_config(
    config: DistillationConfig,
    *,
    mode: Mode = "new",
    device: Optional[str] = None,
    display: Optional[Display] = None,
    stop: Optional[Callable[[], bool]] = None,
    say: Callable[[str], None] = lambda _: None,
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
    with torchrun_processes(target.type) as processes:
        target = process_device(target, processes)
        data = open_data_set(config)
        teacher = open_teacher(config, target, say)
        arms = [new_arm(config, student, data, teacher) for student in config.students]
        for arm, _ in arms:
            _claim_folder(_fold_folder(arm), mode, processes, say)
        trainers = [new_trainer(arm, plans, data, target) for arm, plans in arms]
        for trainer in trainers:
            trainer.initialize()
            path = checkpoints.newest(trainer.folder)
            if path is not None:
                trainer.load_checkpoint(str(path))
                say(f"{trainer.name}: continues after step {trainer.step} of {trainer.steps}.")
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


def choose_device(name: str) -> torch.device:
    """Resolve ``auto``.

    Raises
    ------
    ConfigurationError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        found = f"{torch.cuda.device_count()} CUDA devices"
        raise ConfigurationError(f"There is no device {name}.", expected=name, found=found, remedy="Use --device cpu.")
    return device


def process_device(device: torch.device, processes: Processes) -> torch.device:
    """Return this process's own GPU."""
    if device.type != "cuda" or processes.world == 1:
        return device
    torch.cuda.set_device(processes.local_rank)
    return torch.device("cuda", processes.local_rank)


def set_folders(config: DistillationConfig) -> None:
    """Tell nnU-Net the folders of the configuration; it reads them from the environment."""
    for variable, folder in ((PREPROCESSED, config.preprocessed), (RESULTS, config.results)):
        if folder is not None:
            os.environ[variable] = str(folder)
        elif not os.environ.get(variable):
            key = variable.removeprefix("nnUNet_")
            raise ConfigurationError(
                f"It is not said where {key} data are.",
                expected=f"{key}: a folder in the file, or the environment variable {variable}",
                path=config.source,
            )


def open_data_set(config: DistillationConfig) -> DataSet:
    """Find the preprocessed data set.

    Raises
    ------
    TrainingDataError
        If it does not exist or has no ``dataset.json``.
    """
    root = Path(os.environ[PREPROCESSED])
    wanted = str(config.dataset)
    pattern = f"Dataset{int(wanted):03d}_*" if wanted.isdigit() else wanted
    found = sorted(path for path in root.glob(pattern) if path.is_dir()) if root.is_dir() else []
    if len(found) != 1:
        raise TrainingDataError(
            f"The data set {wanted} is not there." if not found else f"The number {wanted} means several data sets.",
            expected=f"one folder {pattern}",
            found=", ".join(path.name for path in found) or "none",
            path=root,
            remedy="Run nnUNetv2_plan_and_preprocess for it, and check preprocessed: or nnUNet_preprocessed.",
        )
    return DataSet(found[0].name, found[0], _read_json(found[0] / "dataset.json"))


def open_teacher(config: DistillationConfig, device: torch.device, say: Callable[[str], None]) -> Optional[Teacher]:
    """Load the teacher, if the configuration has one and a student listens to it."""
    wanted = config.teacher
    if wanted is None or not any(student.is_distilled for student in config.students):
        return None
    channels_last = device.type == "cpu" if config.channels_last is None else config.channels_last
    teacher = load_teacher(
        wanted.model_folder,
        folds=wanted.folds,
        checkpoint=wanted.checkpoint,
        device=device,
        mirroring=wanted.mirroring,
        channels_last=channels_last,
    )
    say(f"Teacher: {teacher.source.folder.name}, fold {', '.join(teacher.source.folds)}, sha256 {teacher.digest()[:12]}….")
    return teacher


def student_plans(config: DistillationConfig, student: StudentSettings, data: DataSet) -> Dict[str, Any]:
    """Return a student's plans: read from its own file, derived by its factor, or those of the run as they are."""
    if student.plans is not None:
        return data.plans(student.plans)
    plans = data.plans(config.plans)
    if student.factor is None or student.factor == 1:
        return plans
    return derive_plans(plans, factor=student.factor, floor=student.floor, configuration=config.configuration)


def check_student(
    config: DistillationConfig, plans: Dict[str, Any], data: DataSet, teacher: Optional[Teacher], say: Callable[[str], None]
) -> None:
    """Check that the teacher fits the student, before anything is written."""
    if config.configuration not in plans.get("configurations", {}):
        raise ConfigurationError(
            f"The plans have no configuration {config.configuration}.",
            expected=", ".join(plans.get("configurations", {})) or "configurations",
            found=config.configuration,
            path=config.source,
        )
    if teacher is None or config.teacher is None:
        return
    check_agreement(
        teacher.plans,
        plans,
        teacher.configuration,
        teacher_dataset=teacher.dataset,
        student_dataset=data.description,
        student_configuration=config.configuration,
    )
    doubt = check_folds(
        teacher.source.folds,
        config.fold,
        teacher_data_set=str(teacher.plans.get("dataset_name")),
        student_data_set=data.name,
        allow_seen_validation=config.teacher.allow_seen_validation,
    )
    if doubt:
        say(doubt)


def new_arm(
    config: DistillationConfig, student: StudentSettings, data: DataSet, teacher: Optional[Teacher]
) -> Tuple[Arm, Dict[str, Any]]:
    """Return an arm and its plans, after checking that its teacher fits it."""
    plans = student_plans(config, student, data)
    own_teacher = teacher if student.is_distilled else None
    check_student(config, plans, data, own_teacher, lambda _: None)
    folder = Path(os.environ[RESULTS]) / data.name / f"{student.name}__{plans['plans_name']}__{config.configuration}"
    return Arm(config, student, own_teacher, folder, quiet=True), plans


def _fold_folder(arm: Arm) -> Path:
    return Path(arm.folder or ".") / f"fold_{arm.config.fold}"


def _claim_folder(folder: Path, mode: Mode, processes: Processes, say: Callable[[str], None]) -> None:
    """Make sure that an earlier run in this folder is continued, moved aside, or left alone."""
    earlier = checkpoints.newest(folder)
    occupied = processes.any(earlier is not None)[0]  # all look before the first one moves anything
    if not occupied or mode == "resume":
        return
    if mode == "new":
        raise ResumeError(
            "An earlier run lies in this folder.",
            expected="a new folder",
            found=earlier.name if earlier is not None else "a checkpoint",
            path=folder,
            remedy="Continue it with --resume, or start again with --restart, which moves it aside.",
        )
    if processes.is_first:
        number = next(n for n in range(1, 10**6) if not (folder.parent / f"earlier_{folder.name}_{n}").exists())
        aside = folder.parent / f"earlier_{folder.name}_{number}"
        folder.rename(aside)
        say(f"The earlier run is now {aside.name}.")
    processes.any(False)


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


def _read_json(path: Path) -> Dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        available: List[str] = sorted(p.name for p in path.parent.glob("*.json"))
        raise TrainingDataError(
            "A file of the data set cannot be read.",
            expected=path.name,
            found=", ".join(available) or error.strerror or str(error),
            path=path,
            remedy="Run nnUNetv2_plan_and_preprocess for this data set, or correct dataset: and plans:.",
        ) from error
    return parse_json_object(content, str(path))
