"""Everything about a run that can be said without training a step or writing a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Literal, Optional, Tuple

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.config import DistillationConfig, with_defaults
from kdseg_training.distillation.extras_config import UnlabelledSettings
from kdseg_training.distillation.family import channels_and_heads, count_parameters
from kdseg_training.distillation.preprocessed import list_cases
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.arm import Arm
from kdseg_training.distillation.training.devices import choose_device
from kdseg_training.distillation.training.extras import Extras, open_synthesis, preprocessed_fold, soft_label_folder
from kdseg_training.distillation.training.patches import require_cases, require_present
from kdseg_training.distillation.training.precision import choose_precision
from kdseg_training.distillation.training.runs import Mode, fold_folder, new_arm, require_free
from kdseg_training.distillation.training.snapshot import require_same_settings
from kdseg_training.distillation.training.sources import open_data_set, open_teacher, require_writable_results, set_folders

RESOLVED = ("dataset", "precision", "device_type", "batch_size", "plans", "unlabelled")
"""Settings in a checkpoint that only a trainer knows; they are compared when the run continues."""

Earlier = Literal["nothing", "unfinished", "finished"]

LATER = "The unlabelled images are preprocessed when the run starts."
"""What a check leaves out: it may take hours."""


@dataclass(frozen=True)
class CheckedStudent:
    """One student of a run.

    Attributes
    ----------
    name
        The arm's name.
    model_folder, fold_folder
        Where it is or will be written.
    parameters
        Of its network.
    earlier
        What lies there: nothing, a run that can be continued, or a finished one.
    """

    name: str
    model_folder: Path
    fold_folder: Path
    parameters: int
    earlier: Earlier

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data."""
        folders = {"model_folder": str(self.model_folder), "fold_folder": str(self.fold_folder)}
        return {"name": self.name, **folders, "parameters": self.parameters, "earlier": self.earlier}


@dataclass(frozen=True)
class CheckedRun:
    """A run whose data, teacher and students fit together.

    Attributes
    ----------
    dataset
        Name of the data set.
    training_cases, validation_cases
        Their numbers in this fold.
    steps
        Optimiser steps of the whole run.
    device, precision
        What ``auto`` becomes here.
    students
        In the order of the file.
    notes
        Sentences for people.
    """

    dataset: str
    training_cases: int
    validation_cases: int
    steps: int
    device: str
    precision: str
    students: Tuple[CheckedStudent, ...]
    notes: Tuple[str, ...]

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data."""
        return {
            "dataset": self.dataset,
            "training_cases": self.training_cases,
            "validation_cases": self.validation_cases,
            "steps": self.steps,
            "device": self.device,
            "precision": self.precision,
            "students": [student.as_dict() for student in self.students],
            "notes": list(self.notes),
        }


def check_run(config: DistillationConfig, *, mode: Mode = "new", device: Optional[str] = None) -> CheckedRun:
    """Check a configuration as :func:`kdseg_training.distillation.training.runs.train_from_config` would.

    Parameters
    ----------
    config, mode, device
        As there.

    Raises
    ------
    TrainingError
        Named after what would go wrong.
    """
    notes: List[str] = []
    target = choose_device(device or config.device)
    set_folders(config)
    require_writable_results(config)
    data = open_data_set(config)
    teacher = open_teacher(config, data, target, notes.append)
    extras = Extras(synthesis=open_synthesis(config, data, target, notes.append))
    students = []
    for student in config.students:
        arm, plans = new_arm(config, student, data, teacher, say=notes.append, extras=extras)
        channels, heads = channels_and_heads(plans, config.configuration, data.description)
        parameters = count_parameters(plans, config.configuration, channels, heads)
        folder = fold_folder(arm)
        path = checkpoints.newest(folder)
        if path is not None and mode == "resume":
            _require_continuable(arm, path)
        earlier: Earlier = "nothing" if path is None else "finished" if path.name == checkpoints.FINAL else "unfinished"
        students.append(CheckedStudent(student.name, folder.parent, folder, parameters, earlier))
    if mode == "new":
        require_free([student.fold_folder for student in students if student.earlier != "nothing"])
    fold = preprocessed_fold(config, data)
    require_cases(str(fold.folder))
    for names, what in ((fold.training, "training"), (fold.validation, "validation")):
        require_present(names, list_cases(fold.folder), what, fold.folder)
    soft_label_folder(config, teacher)
    if config.unlabelled is not None:
        _check_unlabelled(config.unlabelled, notes)
    return CheckedRun(
        dataset=data.name,
        training_cases=len(fold.training),
        validation_cases=len(fold.validation),
        steps=config.budget.steps,
        device=str(target),
        precision=choose_precision(config.precision, target).name,
        students=tuple(students),
        notes=tuple(dict.fromkeys(notes)),
    )


def _check_unlabelled(unlabelled: UnlabelledSettings, notes: List[str]) -> None:
    if unlabelled.images is None:
        list_cases(unlabelled.cases)
        return
    if not unlabelled.images.is_dir():
        raise TrainingDataError(
            "The unlabelled images are not there.",
            expected="a folder with <case>_0000 images",
            found="no such folder",
            path=unlabelled.images,
            remedy="Correct unlabelled.images.",
        )
    notes.append(LATER)


def _require_continuable(arm: Arm, path: Path) -> None:
    stored = with_defaults(checkpoints.load(path)[checkpoints.OWN_KEY]["settings"])
    told = {key: value for key, value in with_defaults(arm.settings()).items() if key not in RESOLVED}
    require_same_settings(stored, {**stored, **told}, path)
