"""What a run starts from: nnU-Net's folders, the planned data set, the students' plans and the teacher."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import torch

from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ConfigurationError, OutputError, TrainingDataError
from kdseg.plans.parser import resolve_configuration
from kdseg.sides import SideExchange
from kdseg_training.distillation.config import DistillationConfig, StudentSettings
from kdseg_training.distillation.family import derive_plans
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.distillation.teacher import Teacher, check_agreement, check_folds, load_teacher
from kdseg_training.distillation.training.patches import require_fold
from kdseg_training.distillation.training.plan_checks import check_description, check_plans
from kdseg_training.distillation.training.splits import SPLITS
from kdseg_training.synthesis.agreement import check_label_maps
from kdseg_training.synthesis.anatomy import build_anatomy
from kdseg_training.synthesis.prepared import FOLDER, read_description

PREPROCESSED, RESULTS = "nnUNet_preprocessed", "nnUNet_results"
"""nnU-Net's environment variables."""


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


def set_folders(config: DistillationConfig) -> None:
    """Tell nnU-Net the folders of the configuration; it reads them from the environment."""
    for variable, folder in ((PREPROCESSED, config.preprocessed), (RESULTS, config.results)):
        if folder is not None:
            _require_folder(folder, variable, config)
            os.environ[variable] = str(folder)
        elif not os.environ.get(variable):
            key = variable.removeprefix("nnUNet_")
            raise ConfigurationError(
                f"It is not said where {key} data are.",
                expected=f"{key}: a folder in the file, or the environment variable {variable}",
                path=config.source,
            )
        else:
            _require_folder(Path(os.environ[variable]), variable, config)


def _require_folder(folder: Path, variable: str, config: DistillationConfig) -> None:
    """Refuse a path at which, or on the way to which, something else than a folder lies."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        key = variable.removeprefix("nnUNet_")
        raise ConfigurationError(
            f"A file lies where the folder for {key} data should be.",
            expected="a folder, or nothing yet",
            found=f"a file in the place of {folder}",
            path=there,
            remedy=f"Correct {key}: in {config.source or 'the settings'}, or the environment variable {variable}.",
        )


def require_writable_results(config: DistillationConfig) -> None:
    """Raise :class:`kdseg.errors.OutputError` if nothing can be written to the folder for results, or it cannot be made."""
    folder = Path(os.environ[RESULTS])
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(
            "The folder for results cannot be written to.",
            expected="permission to write",
            found=f"none in {there}",
            path=folder,
            remedy=f"Correct results: in {config.source or 'the settings'}, or the environment variable {RESULTS}.",
        )


def open_data_set(config: DistillationConfig) -> DataSet:
    """Find the preprocessed data set.

    Raises
    ------
    TrainingDataError
        If it does not exist, or its ``dataset.json`` is missing or not usable.
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
    description = _read_json(found[0] / "dataset.json")
    check_description(description, found[0] / "dataset.json")
    return DataSet(found[0].name, found[0], description)


def label_map_folder(config: DistillationConfig, data: DataSet) -> Optional[Path]:
    """Return the folder of prepared label maps that samples are drawn from; None if the run reads preprocessed images."""
    if config.synthesis is None:
        return None
    return data.folder / FOLDER if config.synthesis.folder is None else config.synthesis.folder


def open_teacher(
    config: DistillationConfig, data: DataSet, device: torch.device, say: Callable[[str], None]
) -> Optional[Teacher]:
    """Load the teacher, if the configuration has one and a student listens to it."""
    wanted = config.teacher
    if wanted is None or not any(student.is_distilled for student in config.students):
        return None
    channels_last = device.type == "cpu" if config.channels_last is None else config.channels_last
    folder = label_map_folder(config, data) if wanted.exchange_sides else None
    exchange = None if folder is None else SideExchange(build_anatomy(read_description(folder).anatomy).class_mirror)
    teacher = load_teacher(
        wanted.model_folder,
        folds=wanted.folds,
        checkpoint=wanted.checkpoint,
        device=device,
        mirroring=wanted.mirroring,
        sides=exchange,
        channels_last=channels_last,
    )
    sides = "" if exchange is None else ", averaged with its mirror image"
    folds = ", ".join(teacher.source.folds)
    say(f"Teacher: {teacher.source.folder.name}, fold {folds}, sha256 {teacher.digest()[:12]}…{sides}.")
    return teacher


def student_plans(config: DistillationConfig, student: StudentSettings, data: DataSet) -> Dict[str, Any]:
    """Return a student's plans: read from its own file, derived by its factor, or those of the run as they are.

    Raises
    ------
    TrainingDataError
        If the file cannot be read, or lacks what nnU-Net's trainer needs.
    BundleSchemaError, UnsupportedModelError
        If it is not JSON or cannot be narrowed.
    """
    name = config.plans if student.plans is None else student.plans
    plans = data.plans(name)
    if config.configuration in plans.get("configurations", {}):
        check_plans(plans, config.configuration, data.folder / f"{name}.json", batch_size=config.budget.batch_size)
    if student.plans is not None or student.factor is None or student.factor == 1:
        return plans
    return derive_plans(plans, factor=student.factor, floor=student.floor, configuration=config.configuration)


def check_student(
    config: DistillationConfig, plans: Dict[str, Any], data: DataSet, teacher: Optional[Teacher], say: Callable[[str], None]
) -> None:
    """Check that configuration and fold exist, and label maps and teacher fit the student, before anything is written."""
    if config.configuration not in plans.get("configurations", {}):
        raise ConfigurationError(
            f"The plans have no configuration {config.configuration}.",
            expected=", ".join(plans.get("configurations", {})) or "configurations",
            found=config.configuration,
            path=config.source,
        )
    folder = label_map_folder(config, data)
    if folder is None:
        require_fold(data.folder / SPLITS, config.fold)
    else:
        prepared = read_description(folder)
        check_label_maps(prepared, folder, plans=plans, configuration=config.configuration, dataset=data.description)
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
    theirs, ours = _channels(teacher.plans, teacher.configuration), _channels(plans, config.configuration)
    if any(a > b for a, b in zip(ours, theirs, strict=False)):
        say(
            f"The student is wider than its teacher: {_listed(ours)} channels against {_listed(theirs)}. "
            f"factor counts from the plans of the run ({config.plans}), not from the teacher."
        )


def _channels(plans: Dict[str, Any], configuration: str) -> List[int]:
    resolved = resolve_configuration(with_architectures(plans), configuration)
    return list(resolved["architecture"]["arch_kwargs"]["features_per_stage"])


def _listed(channels: List[int]) -> str:
    return "-".join(map(str, channels))


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
