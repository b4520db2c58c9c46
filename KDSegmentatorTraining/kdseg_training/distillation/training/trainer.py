"""nnU-Net's trainer, with a teacher beside it, a seeded stream of batches and checkpoints that survive a crash."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple

import numpy as np
import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from kdseg.errors import ConfigurationError
from kdseg.plans.parser import parse_labels
from kdseg_training.distillation.config import digest
from kdseg_training.distillation.instance_norm import normalize_one_by_one
from kdseg_training.distillation.losses.composition import DistillationLoss, build_distillation_loss
from kdseg_training.distillation.losses.dice_ce import adapted
from kdseg_training.distillation.losses.heads import deep_supervision_weights
from kdseg_training.distillation.outputs import LabelScheme, Outputs
from kdseg_training.distillation.stages import stage_channels
from kdseg_training.distillation.training import checkpoints, snapshot
from kdseg_training.distillation.training.arm import Arm
from kdseg_training.distillation.training.averaging import WeightAverage
from kdseg_training.distillation.training.batches import SampleShare, SeededBatches
from kdseg_training.distillation.training.companions import Companion
from kdseg_training.distillation.training.failures import diverged
from kdseg_training.distillation.training.history import EpochRecord, Tally
from kdseg_training.distillation.training.patches import make_batches, require_cases, require_fold
from kdseg_training.distillation.training.precision import Precision, choose_precision, memory_format
from kdseg_training.distillation.training.pretrained import sentence
from kdseg_training.distillation.training.processes import Processes, current_processes
from kdseg_training.distillation.training.pseudo_dice import Counts, count_voxels, dice_of, mean_dice
from kdseg_training.distillation.training.randomness import derive_seed, seed_everything
from kdseg_training.distillation.training.step import TOTAL, DeviceBatch, StudentStep

GRADIENT_NORM = 12.0
"""Gradients of student and adapters together are clipped to this norm, nnU-Net's own."""

SMALLEST_SCALE = 1.0
"""In fp16, gradients that overflow even so are not those of a training that goes on."""

MOMENTUM = 0.99
"""Nesterov momentum of SGD, nnU-Net's own."""


class nnUNetTrainerKD(nnUNetTrainer):  # type: ignore[misc]  # noqa: N801 (nnU-Net finds trainers by this name)
    """Trains one arm; several of them can share batches and teacher (:mod:`kdseg_training.distillation.training.family`).

    Constructor arguments have nnU-Net's names, as its loaders ask for. What else it must know is in :attr:`arm`: set on a
    subclass by ``kdseg-training distill``, read from the file that ``KDSEG_DISTILLATION`` names under ``nnUNetv2_train``.

    Attributes
    ----------
    step
        Optimiser steps done.
    history
        Epochs done.
    told
        What decides the numbers of this arm, as plain data.
    """

    arm: ClassVar[Optional[Arm]] = None

    def __init__(
        self,
        plans: Dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: Dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        self._arm = type(self).arm or _arm_from_environment(plans, configuration, fold, dataset_json, device)
        self._output_folder_base: Optional[str] = None
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.processes: Processes = current_processes()
        self.is_ddp = False  # nnU-Net's own code for several processes is for CUDA only; see Processes
        self.local_rank = self.processes.rank
        if device.type == "cuda":
            index = self.processes.local_rank if self.processes.world > 1 else device.index or 0
            device = torch.device("cuda", index)
        self.device = device
        budget = self._arm.budget
        self.num_epochs, self.num_iterations_per_epoch = budget.epochs, budget.iterations
        self.num_val_iterations_per_epoch = budget.validation_iterations
        self.initial_lr, self.weight_decay = budget.initial_rate, budget.weight_decay
        self.precision: Precision = choose_precision(self._arm.config.precision, device)
        self.grad_scaler = torch.amp.GradScaler("cuda") if self.precision.needs_scaler else None
        channels_last = self._arm.config.channels_last
        self.layout = memory_format(
            len(self.configuration_manager.patch_size), device.type == "cpu" if channels_last is None else channels_last
        )
        self.step, self.history, self.tally = 0, list[EpochRecord](), Tally()
        self.distillation: Optional[DistillationLoss] = None
        self.average: Optional[WeightAverage] = None
        self._may_skip_validation = False
        self.told = self._arm.settings()
        self.start = ""
        self._counts: List[Counts] = []
        self._validation_losses: List[float] = []

    @property
    def settings(self) -> Arm:
        """What this trainer is told besides nnU-Net's arguments."""
        return self._arm

    @property
    def name(self) -> str:
        """The arm's name."""
        return self._arm.student.name

    @property
    def output_folder_base(self) -> Optional[str]:
        """The model folder: the arm's, else where nnU-Net puts it."""
        return str(self._arm.folder) if self._arm.folder is not None else self._output_folder_base

    @output_folder_base.setter
    def output_folder_base(self, value: Optional[str]) -> None:
        self._output_folder_base = value

    @property
    def folder(self) -> Path:
        """The fold's folder, where checkpoints and logs go."""
        return Path(self.output_folder)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return int(self.num_epochs * self.num_iterations_per_epoch)

    def print_to_log_file(self, *args: Any, also_print_to_console: bool = True, add_timestamp: bool = True) -> None:
        """Write to nnU-Net's log file; to the console only under ``nnUNetv2_train``, and from the first process."""
        if self.local_rank == 0:
            super().print_to_log_file(
                *args, also_print_to_console=also_print_to_console and not self._arm.quiet, add_timestamp=add_timestamp
            )

    # --- set-up -------------------------------------------------------------------------------------------------------------

    def initialize(self) -> None:
        """Build the network, random or pretrained, then nnU-Net's loss, the distillation loss and the optimiser of both."""
        require_cases(self.preprocessed_dataset_folder)
        seed_everything(derive_seed(self._arm.config.seed, "initial weights"))
        super().initialize()
        if self._arm.pretrained is not None:
            labels = parse_labels(self.dataset_json)
            random = self._arm.pretrained.apply(self.network, labels)
            if checkpoints.newest(self.folder) is None:  # else they are replaced at once
                self.start = sentence(self.name, self._arm.pretrained, random, labels)
                self.print_to_log_file(self.start)
        self.network.to(memory_format=self.layout)
        if self.layout is not torch.contiguous_format:
            normalize_one_by_one(self.network)
        self.set_deep_supervision_enabled(self.enable_deep_supervision)
        self.student_step = StudentStep(
            self.network, self.loss, self.distillation, deep_supervision=self.enable_deep_supervision
        ).to(self.device)
        self.parallel_step = self.processes.wrap(self.student_step, self.device)
        if self._arm.budget.ema_decay is not None:
            self.average = WeightAverage(self.network, self._arm.budget.ema_decay)
        axes = self.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3]
        allowed = self._arm.student.mirroring and self._arm.config.mirror_augmentation
        self.inference_allowed_mirroring_axes = axes if allowed else None

    def do_split(self) -> Tuple[List[str], List[str]]:
        """Return the cases of the fold; one that the split does not have is refused, where nnU-Net would draw a new split."""
        cases: Tuple[List[str], List[str]] = super().do_split()
        require_fold(Path(self.preprocessed_dataset_folder_base) / "splits_final.json", self.fold)
        return cases

    @cached_property
    def cases(self) -> str:
        """Digest of the fold's training and validation cases."""
        training, validation = self.do_split()
        return digest({"training": sorted(training), "validation": sorted(validation)})

    def _do_i_compile(self) -> bool:
        """Never: compiled networks give no outputs of stages, and compile differently from run to run."""
        return False

    def _set_batch_size_and_oversample(self) -> None:
        self.batch_size = self._arm.budget.batch_size or int(self.configuration_manager.batch_size)
        if self.batch_size % self.processes.world:
            raise ConfigurationError(
                "The processes cannot share a batch evenly; their gradients would not add up to those of one process.",
                expected="a multiple of the number of processes for budget.batch_size",
                found=f"{self.batch_size} patches, {self.processes.world} processes",
            )

    def _build_loss(self) -> Any:
        """Return nnU-Net's loss, its heads weighed as in one process and batch Dice, if planned, over all processes."""
        self.is_ddp = self.processes.world > 1
        try:
            loss = super()._build_loss()
        finally:
            self.is_ddp = False
        if not self.enable_deep_supervision:
            return adapted(loss)
        loss.weight_factors = deep_supervision_weights(len(self._get_deep_supervision_scales()))
        loss.loss = adapted(loss.loss)
        return loss

    def configure_optimizers(self) -> Tuple[torch.optim.Optimizer, Any]:
        """Build the distillation loss, and an optimiser for the student and for the loss's adapters."""
        self.distillation = self._build_distillation()
        groups: List[Dict[str, Any]] = [{"params": list(self.network.parameters())}]
        if self.distillation is not None:
            self.distillation.to(self.device)
            groups.append({"params": list(self.distillation.parameters())})
        groups = [group for group in groups if group["params"]]
        rates: Dict[str, Any] = {"lr": self.initial_lr, "weight_decay": self.weight_decay}
        optimizer: torch.optim.Optimizer
        if self._arm.budget.optimizer == "adamw":
            optimizer = torch.optim.AdamW(groups, **rates)
        else:
            optimizer = torch.optim.SGD(groups, **rates, momentum=MOMENTUM, nesterov=True)
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    def _build_distillation(self) -> Optional[DistillationLoss]:
        teacher = self._arm.teacher
        if teacher is None or not self._arm.student.is_distilled:
            return None
        scales = self._get_deep_supervision_scales()
        return build_distillation_loss(
            self._arm.student.specs,
            LabelScheme.from_label_manager(self.label_manager),
            stage_channels(self.network),
            stage_channels(teacher.network),
            deep_supervision_weights(1 if scales is None else len(scales)),
            seed=derive_seed(self._arm.config.seed, "adapters"),
        )

    def make_batches(self, companions: Optional[Mapping[str, Companion]] = None) -> SeededBatches:
        """Return the stream of batches of this data set, fold and seed, with what is to go through the augmentation."""
        share = SampleShare(self.batch_size, self.processes.rank, self.processes.world)
        mirror, extras = self._arm.config.mirror_augmentation, self._arm.extras
        allowed = self.inference_allowed_mirroring_axes
        try:
            return make_batches(
                self,
                seed=self._arm.config.seed,
                share=share,
                mirror=mirror,
                companions=companions,
                unlabelled=extras.unlabelled,
                synthesis=extras.synthesis,
            )
        finally:
            self.inference_allowed_mirroring_axes = allowed  # nnU-Net sets it while it plans the augmentation

    # --- one step -----------------------------------------------------------------------------------------------------------

    def begin_epoch(self, epoch: int) -> None:
        """Set the learning rate."""
        self.current_epoch = epoch
        self.lr_scheduler.step(epoch)

    @property
    def stage_names(self) -> Tuple[str, ...]:
        """Stages of the teacher that the losses need."""
        return () if self.distillation is None else self.distillation.stage_names

    def learn(self, batch: DeviceBatch, teacher: Optional[Outputs]) -> None:
        """Take one optimiser step; a plain arm has nothing to learn from an unlabelled batch and passes over it.

        Raises
        ------
        DivergenceError
            If loss or gradients are not finite; the weights are then still those of the step before.
        """
        if batch.target is None and self.distillation is None:
            self.step += 1
            return
        seed_everything(derive_seed(self._arm.config.seed, "step", self.processes.rank, self.step))
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision.autocast():
            total, parts = self.parallel_step(batch.data, batch.target, teacher, self.step / self.steps, batch.labelled)
        losses = {name: float(value) for name, value in parts.items()}
        self._update(total, losses, batch)
        self.tally.add_losses(losses)
        self.step += 1
        if self.average is not None:
            self.average.update()

    def _update(self, total: torch.Tensor, losses: Dict[str, float], batch: DeviceBatch) -> None:
        if self.processes.any(not np.isfinite(losses[TOTAL]))[0]:
            raise self._diverged(losses, batch)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.grad_scaler is not None:
            self.grad_scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            self.grad_scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
            self.grad_scaler.step(self.optimizer)  # leaves out a step whose scaled gradients overflow
            self.grad_scaler.update()
            scale = float(self.grad_scaler.get_scale())
            if scale < SMALLEST_SCALE:
                raise self._diverged({**losses, "scale of the gradients": scale}, batch)
            return
        total.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM))
        if not np.isfinite(norm):
            raise self._diverged({**losses, "norm of the gradients": norm}, batch)
        self.optimizer.step()

    def _diverged(self, losses: Dict[str, float], batch: DeviceBatch) -> Exception:
        return diverged(self.step, losses, checkpoints.newest(self.folder), list(zip(batch.keys, batch.data, strict=True)))

    # --- validation and the end of an epoch -----------------------------------------------------------------------------------

    def assess(self, batch: DeviceBatch) -> None:
        """Count the voxels of one validation batch."""
        if batch.target is None:
            return
        self.network.eval()
        with torch.no_grad(), self.precision.autocast():
            logits, loss = self.student_step.assess(batch.data, batch.target)
        self._counts.append(count_voxels(logits, batch.target[0], self.label_manager))
        self._validation_losses.append(float(loss))

    def end_epoch(self, epoch: int) -> EpochRecord:
        """Close the epoch and return its record."""
        counts = [self.processes.sum(np.sum([c[i] for c in self._counts], axis=0)) for i in range(3)]
        dice = dice_of(*counts)
        record = EpochRecord(
            epoch=epoch,
            step=self.step,
            learning_rate=float(self.optimizer.param_groups[0]["lr"]),
            losses=self.processes.mean(self.tally.mean_losses()),
            validation_loss=self.processes.mean({"loss": float(np.mean(self._validation_losses))})["loss"],
            pseudo_dice=dict(zip(self._class_names(), dice, strict=True)),
            mean_pseudo_dice=mean_dice(dice),
            seconds=dict(self.tally.seconds),
        )
        self.history.append(record)
        self.current_epoch = epoch + 1
        self.tally, self._counts, self._validation_losses = Tally(), [], []
        return record

    def _class_names(self) -> List[str]:
        values = (
            self.label_manager.foreground_regions if self.label_manager.has_regions else self.label_manager.foreground_labels
        )
        named = {str(value): name for name, value in self.dataset_json["labels"].items()}
        return [named.get(str(list(v) if isinstance(v, (tuple, list)) else v), str(v)) for v in values]

    # --- checkpoints, and what nnU-Net's own commands call --------------------------------------------------------------------

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint atomically, from the first process; all processes must call it."""
        tally = replace(self.tally, losses=self.processes.mean(self.tally.losses))
        if self.processes.is_first and not self.disable_checkpointing:
            content = snapshot.take(self, tally, final=Path(filename).name == checkpoints.FINAL)
            checkpoints.save(Path(filename), content)

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Continue from a checkpoint of this trainer.

        Raises
        ------
        ResumeError
            If it is damaged or of another run.
        """
        if not self.was_initialized:
            self.initialize()
        snapshot.restore(self, Path(filename_or_checkpoint))

    def run_training(self) -> None:
        """Train this arm alone; ``nnUNetv2_train`` calls it."""
        from kdseg_training.distillation.training.family import FamilyTraining

        FamilyTraining([self]).run()
        self._may_skip_validation = not self._arm.config.predict_validation

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the fold's validation cases; ``nnUNetv2_train`` calls it after a training, and alone with ``--val``."""
        if self._may_skip_validation:
            self.print_to_log_file("Validation cases are not predicted: predict_validation is false.")
        elif self.processes.is_first:
            super().perform_actual_validation(save_probabilities)

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Give all heads, or the finest only."""
        self.network.decoder.deep_supervision = enabled


def _arm_from_environment(
    plans: Dict[str, Any], configuration: str, fold: Any, dataset: Dict[str, Any], device: torch.device
) -> Arm:
    from kdseg_training.distillation.training.environment import arm_from_environment

    return arm_from_environment(copy.deepcopy(plans), configuration, fold, dataset, device)
