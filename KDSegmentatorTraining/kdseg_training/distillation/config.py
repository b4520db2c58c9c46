"""The YAML file that describes a training run: read as data, checked whole before anything starts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, List, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from kdseg_training.distillation.config_file import read_settings
from kdseg_training.distillation.config_words import like
from kdseg_training.distillation.extras_config import (
    SoftLabelSettings,
    SynthesisSettings,
    UnlabelledSettings,
    require_finest_logits,
)
from kdseg_training.distillation.loss_config import DistillationSpec, LossSpec, Method

Fold = Union[Annotated[int, Field(ge=0)], Literal["all"]]

ArmName = Annotated[
    str,
    Field(max_length=80),
    like(r"[A-Za-z0-9](?:_?[A-Za-z0-9.+-])*", "letters, digits, dots, + and -, with single _ between them"),
]
"""A name that fits into nnU-Net's ``<trainer>__<plans>__<configuration>``."""

Device = Annotated[str, like(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda, or a number with it as in cuda:1")]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Budget(_Settings):
    """How long every arm trains; the same for all of them.

    Attributes
    ----------
    epochs, iterations, validation_iterations
        Epochs; training and validation batches in each. nnU-Net's own: 1000, 250, 50.
    batch_size
        Patches in a batch, over all processes; None: what the plans say.
    optimizer
        ``sgd``: nnU-Net's, with Nesterov momentum 0.99. ``adamw``: AdamW (Loshchilov and Hutter 2019).
    learning_rate, weight_decay
        Of the optimiser; the rate falls as (1 − epoch / epochs) ** 0.9. None: nnU-Net's 0.01, or 0.001 with ``adamw``.
    ema_decay
        Keep an exponential moving average of the weights, and validate and store that; None: none.
    """

    epochs: int = Field(default=1000, ge=1)
    iterations: int = Field(default=250, ge=1)
    validation_iterations: int = Field(default=50, ge=1)
    batch_size: Optional[int] = Field(default=None, ge=1)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Optional[float] = Field(default=None, gt=0)
    weight_decay: float = Field(default=3e-5, ge=0)
    ema_decay: Optional[float] = Field(default=None, gt=0, lt=1)

    @property
    def initial_rate(self) -> float:
        """The learning rate of the first epoch."""
        return self.learning_rate or (0.001 if self.optimizer == "adamw" else 0.01)

    @property
    def steps(self) -> int:
        """Number of optimiser steps of the whole training."""
        return self.epochs * self.iterations


class TeacherSettings(_Settings):
    """The trained network that teaches.

    Attributes
    ----------
    model_folder
        nnU-Net v2 model folder.
    folds
        Folds whose logits are averaged; one for an ordinary teacher.
    checkpoint
        File name in the folds' folders.
    mirroring
        Average its logits over the mirrored copies of every patch that its checkpoint allows (8 forwards in 3-D).
    exchange_sides
        Average its logits with those of the patch mirrored from left to right, left and right classes exchanged (2 forwards);
        for ``synthesis``, whose anatomy tells the sides.
    allow_seen_validation
        Go on although the teacher was trained on the students' validation cases; their pseudo Dice is then too good.
    soft_labels
        Serve its stored probabilities instead of running it on every batch; for losses on the finest head's logits only.
    """

    model_folder: Path
    folds: List[Fold] = Field(default=[0], min_length=1)
    checkpoint: str = "checkpoint_final.pth"
    mirroring: bool = False
    exchange_sides: bool = False
    allow_seen_validation: bool = False
    soft_labels: Optional[SoftLabelSettings] = None


class StudentSettings(_Settings):
    """One arm: a student, with losses or without.

    Attributes
    ----------
    name
        Stands where nnU-Net's folders have the trainer's name.
    factor, floor
        Channels of every stage divided by ``factor``, never under ``floor``; 1 keeps the width.
    plans
        Name of a plans file with this student's own architecture, instead of ``factor``.
    method, losses
        Distillation losses: those of a method (A, B, C, D) and single ones; neither: trained on the labels alone.
    pretrained_weights
        Student bundle (``.kdseg.zip``) or nnU-Net checkpoint (``.pth``) of the same architecture to start from; None: random
        weights.
    weight_selection
        Whether those are of a wider network, of which evenly spaced channels are taken.
    mirroring
        Whether inference may mirror; if not, the checkpoint says so and stock ``nnUNetv2_predict`` runs one forward, not eight.
    """

    name: ArmName
    factor: Optional[float] = Field(default=None, ge=1)
    floor: int = Field(default=4, ge=1)
    plans: Optional[str] = None
    method: Optional[Method] = None
    losses: List[LossSpec] = []
    pretrained_weights: Optional[Path] = None
    weight_selection: bool = False
    mirroring: bool = True

    @model_validator(mode="after")
    def _one_architecture(self) -> StudentSettings:
        if self.factor is not None and self.plans is not None:
            raise ValueError("give factor or plans, not both")
        if self.weight_selection and self.pretrained_weights is None:
            raise ValueError("weight_selection needs pretrained_weights")
        if self.is_distilled:
            DistillationSpec(method=self.method, losses=self.losses)
        return self

    @property
    def is_distilled(self) -> bool:
        """Whether it learns from a teacher."""
        return self.method is not None or bool(self.losses)

    @property
    def specs(self) -> List[LossSpec]:
        """All its distillation losses."""
        return DistillationSpec(method=self.method, losses=self.losses).specs if self.is_distilled else []


class DistillationConfig(_Settings):
    """A whole run: one data set, one fold, one stream of batches, one teacher at most, any number of students.

    Attributes
    ----------
    dataset
        nnU-Net's data set, ``Dataset004_Hippocampus`` or 4; planned and preprocessed.
    configuration, plans, fold
        As for ``nnUNetv2_train``; ``plans`` names the file that students with a factor are derived from.
    seed
        Of the initial weights, of every batch and of every step.
    teacher
        None: every student is a plain arm, without losses.
    unlabelled
        Further cases without labels, for distillation only; plain arms learn from the labelled part of each batch alone.
    synthesis
        Draw the labelled batches from label maps instead of reading preprocessed images.
    mirror_augmentation
        Whether training batches are mirrored, as nnU-Net does.
    preprocessed, results
        Instead of the environment variables ``nnUNet_preprocessed`` and ``nnUNet_results``.
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    precision
        ``auto``: fp16 on CUDA; on a CPU bf16 where it has instructions for that, else fp32.
    workers, threads
        Processes that prepare batches, and threads of the CPU's arithmetic; None: chosen by device and cores.
    channels_last
        Keep tensors with the channel as fastest axis; None: on the CPU only.
    checkpoint_every
        Steps between checkpoints; None: at the end of every epoch.
    predict_validation
        Predict the validation cases of the fold when the training is over, as ``nnUNetv2_train`` does.
    tensorboard
        Also write TensorBoard's event files.
    final_trainer_name
        Class name in the final checkpoint; with ``nnUNetTrainer``, inference does not need this package.
    """

    dataset: Union[str, int]
    configuration: str = "3d_fullres"
    plans: str = "nnUNetPlans"
    fold: Fold = 0
    seed: int = Field(default=0, ge=0, lt=2**63)
    budget: Budget = Budget()
    teacher: Optional[TeacherSettings] = None
    students: List[StudentSettings] = Field(min_length=1)
    unlabelled: Optional[UnlabelledSettings] = None
    synthesis: Optional[SynthesisSettings] = None
    mirror_augmentation: bool = True
    preprocessed: Optional[Path] = None
    results: Optional[Path] = None
    device: Device = "auto"
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    workers: Optional[int] = Field(default=None, ge=0)
    threads: Optional[int] = Field(default=None, ge=1)
    channels_last: Optional[bool] = None
    checkpoint_every: Optional[int] = Field(default=None, ge=1)
    predict_validation: bool = False
    tensorboard: bool = True
    final_trainer_name: Literal["nnUNetTrainer", "nnUNetTrainerKD"] = "nnUNetTrainer"

    _source: Path = PrivateAttr(default=Path("distil.yaml"))

    @property
    def source(self) -> Path:
        """The file it was read from; named in errors."""
        return self._source

    @model_validator(mode="after")
    def _fits_together(self) -> DistillationConfig:
        names = [student.name for student in self.students]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two students have the name {', '.join(twice)}")
        if self.teacher is None and any(student.is_distilled for student in self.students):
            raise ValueError("a student has distillation losses, but there is no teacher")
        if self._has_soft_labels:
            for student in self.students:
                require_finest_logits(student.name, student.specs)
        if self.unlabelled is not None and self.teacher is None:
            raise ValueError("there are unlabelled cases, but there is no teacher")
        if self.unlabelled is not None and self.unlabelled.minimum_confidence is not None and not self._has_soft_labels:
            raise ValueError("unlabelled.minimum_confidence is measured with the soft labels: expected teacher.soft_labels too")
        if self.synthesis is not None:
            self._check_synthesis(self.synthesis)
        elif self.teacher is not None and self.teacher.exchange_sides:
            raise ValueError("teacher.exchange_sides: only the anatomy of a run with synthesis tells the sides")
        return self

    def _check_synthesis(self, synthesis: SynthesisSettings) -> None:
        if self._has_soft_labels:
            raise ValueError(
                "synthesis: every sample is new, so there are no teacher.soft_labels for it: expected only one of them"
            )
        if self.mirror_augmentation:
            raise ValueError(
                "synthesis: samples are mirrored with left and right exchanged: expected mirror_augmentation: false"
            )
        if synthesis.on_device and self.unlabelled is not None:
            raise ValueError("synthesis.on_device: unlabelled cases come from worker processes: expected on_device: false")

    @property
    def _has_soft_labels(self) -> bool:
        return self.teacher is not None and self.teacher.soft_labels is not None

    def settings_of(self, student: StudentSettings) -> dict[str, Any]:
        """Return everything that decides the numbers of one arm, as plain data: what a resumed run must share."""
        shared = self.model_dump(
            mode="json",
            include={"dataset", "configuration", "fold", "seed", "budget", "mirror_augmentation", "precision"},
        )
        shared["budget"]["learning_rate"] = self.budget.initial_rate
        teacher = None
        if self.teacher is not None and student.is_distilled:
            teacher = self.teacher.model_dump(mode="json", exclude=NOT_DECIDING)
        unlabelled = None
        if self.unlabelled is not None:
            unlabelled = self.unlabelled.model_dump(mode="json", include={"share", "minimum_confidence"})
        own = {
            "student": {
                **student.model_dump(mode="json"),
                "pretrained_weights": None,
            },  # not where they lie; an arm has their digest
            "synthesis": None if self.synthesis is None else {},
        }
        return {**shared, "teacher": teacher, "unlabelled": unlabelled, **own}


NOT_DECIDING: dict[str, Any] = {"model_folder": True, "allow_seen_validation": True, "soft_labels": {"folder"}}
"""Keys of the teacher that do not decide the numbers of its students; its weights do, and they have a digest."""


def with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Return stored settings with keys that are newer than they are, at their defaults."""
    result = {**_defaults(DistillationConfig), **settings}
    for key, model in (("budget", Budget), ("student", StudentSettings), ("teacher", TeacherSettings)):
        if isinstance(result.get(key), dict):
            result[key] = {**_defaults(model), **result[key]}
    return result


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    known = {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}
    return {name: value for name, value in known.items() if value is None or isinstance(value, (bool, int, float, str, list))}


def read_config(path: Path) -> DistillationConfig:
    """Read and check a run's file; relative paths in it start at its folder.

    Raises
    ------
    ConfigurationError
        If it is missing, not YAML, or a key is missing, unknown or not allowed; the message names every such key.
    """
    path = Path(path)
    config = read_settings(path, DistillationConfig)
    folder = path.resolve().parent
    changed: dict[str, Any] = {}
    for key in ("preprocessed", "results"):
        value: Optional[Path] = getattr(config, key)
        if value is not None:
            changed[key] = folder / value
    changed["students"] = [_within(folder, student) for student in config.students]
    if config.teacher is not None:
        soft = config.teacher.soft_labels
        update: dict[str, Any] = {"model_folder": folder / config.teacher.model_folder}
        if soft is not None:
            update["soft_labels"] = soft.model_copy(update={"folder": folder / soft.folder})
        changed["teacher"] = config.teacher.model_copy(update=update)
    if config.unlabelled is not None:
        changed["unlabelled"] = config.unlabelled.within(folder)
    if config.synthesis is not None and config.synthesis.folder is not None:
        changed["synthesis"] = config.synthesis.model_copy(update={"folder": folder / config.synthesis.folder})
    result = config.model_copy(update=changed)
    result._source = path
    return result


def _within(folder: Path, student: StudentSettings) -> StudentSettings:
    weights = student.pretrained_weights
    return student if weights is None else student.model_copy(update={"pretrained_weights": folder / weights})


def digest(settings: dict[str, Any]) -> str:
    """Return the sha256 of plain settings, the same for every order of their keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
