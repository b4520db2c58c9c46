"""The training loop: one stream of batches and one forward of the teacher for all arms.

Every arm has its own network, optimiser, losses, folder and checkpoints, and takes exactly the steps that it would take alone.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import Callable, Iterator, List, Optional, Sequence

import torch

from kdseg.errors import AgreementError, Cancelled
from kdseg_training.distillation.soft_labels.signals import CachedTeacher
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.batches import Batch, schedule
from kdseg_training.distillation.training.cost import Cost
from kdseg_training.distillation.training.display import Display, Silent
from kdseg_training.distillation.training.failures import readable_failures
from kdseg_training.distillation.training.locks import sole_writer
from kdseg_training.distillation.training.output import ArmOutput
from kdseg_training.distillation.training.signals import LiveTeacher, TeacherSignals
from kdseg_training.distillation.training.step import TOTAL, to_device
from kdseg_training.distillation.training.trainer import nnUNetTrainerKD
from kdseg_training.distillation.training.workers import default_workers, serve


class FamilyTraining:
    """Trains arms together, each from the step where it stands.

    Parameters
    ----------
    arms
        Trainers of one data set, fold, configuration, seed and budget; initialised and restored, or new.
    signals
        The teacher's answers; None: computed by the arms' own teacher, if they have one.
    display
        Told of steps and epochs.
    stop
        Asked after every step; True writes checkpoints at once and raises :class:`kdseg.errors.Cancelled`.
    """

    def __init__(
        self,
        arms: Sequence[nnUNetTrainerKD],
        *,
        signals: Optional[TeacherSignals] = None,
        display: Optional[Display] = None,
        stop: Optional[Callable[[], bool]] = None,
    ) -> None:
        self.arms: List[nnUNetTrainerKD] = list(arms)
        self.first = self.arms[0]
        self.cost = Cost()
        self._signals = signals
        self._display: Display = display or Silent()
        self._stop = stop or (lambda: False)
        self._stopping = False

    def run(self) -> None:
        """Train until the budget is used, and write the final checkpoints.

        Raises
        ------
        TrainingError
            Named after what went wrong; the last checkpoints are kept.
        Cancelled
            If ``stop`` said so; checkpoints of this very step are written.
        """
        for arm in self.arms:
            if not arm.was_initialized:
                arm.initialize()
        self._require_same_batches()
        with ExitStack() as stack:
            for arm in self.arms if self.first.processes.is_first else ():
                stack.enter_context(sole_writer(arm.folder))
            self._run()

    def _run(self) -> None:
        if self._signals is None:
            teacher = next((arm.settings.teacher for arm in self.arms if arm.distillation is not None), None)
            self._signals = None if teacher is None else self._teacher_signals(teacher)
        batches = self.first.make_batches(None if self._signals is None else self._signals.companions)
        finished = [arm for arm in self.arms if (arm.folder / checkpoints.FINAL).is_file()]
        outputs = [ArmOutput(arm) for arm in self.arms]
        start = min(arm.step for arm in self.arms)
        budget = self.first.settings.budget
        keys = schedule(start, budget.epochs, budget.iterations, budget.validation_iterations)
        workers = self.first.settings.config.workers
        stream = serve(
            batches,
            keys,
            workers=default_workers(self.first.device) if workers is None else workers,
            pin_memory=self.first.device.type == "cuda",
        )
        self._display.begin([arm.name for arm in self.arms], start, self.first.steps)
        try:
            with readable_failures(self.first.device, self.first.batch_size):
                for epoch in range(start // budget.iterations, budget.epochs):
                    self._epoch(epoch, stream, outputs)
            self._finish(outputs, finished)
        finally:
            self._display.end()
            for output in outputs:
                output.close()

    def _teacher_signals(self, teacher: Teacher) -> TeacherSignals:
        stored = self.first.settings.extras.soft_labels
        return LiveTeacher(teacher, self.first.precision) if stored is None else CachedTeacher(teacher, stored)

    # --- one epoch ----------------------------------------------------------------------------------------------------------

    def _epoch(self, epoch: int, stream: Iterator[Batch], outputs: Sequence[ArmOutput]) -> None:
        budget = self.first.settings.budget
        end = (epoch + 1) * budget.iterations
        active = [arm for arm in self.arms if len(arm.history) <= epoch]
        for arm in active:
            arm.begin_epoch(epoch)
        for step in range(min(arm.step for arm in active), end):
            began = time.perf_counter()
            self._train_step(step, stream, active)
            self._add_seconds(active, "epoch", time.perf_counter() - began)
            self._after_step(step + 1, at_epoch_end=step + 1 == end)
        began = time.perf_counter()
        for _ in range(budget.validation_iterations):
            batch = to_device(next(stream), self.first.device, self.first.layout)
            for arm in active:
                with averaged(arm):
                    arm.assess(batch)
        seconds = time.perf_counter() - began
        self._add_seconds(active, "validation", seconds / len(active))
        self._add_seconds(active, "epoch", seconds)
        for arm, output in zip(self.arms, outputs, strict=True):
            if arm in active:
                record = arm.end_epoch(epoch)
                output.write(record)
                self._display.epoch(arm.name, record)
        self._save()
        if self._stopping and end < self.first.steps:
            raise _cancelled(end)

    def _train_step(self, step: int, stream: Iterator[Batch], active: Sequence[nnUNetTrainerKD]) -> None:
        began = time.perf_counter()
        batch = to_device(next(stream), self.first.device, self.first.layout)
        now = self._clock()
        self.cost.add("data", now - began)
        arms = [arm for arm in active if arm.step == step]
        self._add_seconds(arms, "data", now - began)
        distilled = [arm for arm in arms if arm.distillation is not None]
        answer = None
        if distilled and self._signals is not None:
            names = tuple(dict.fromkeys(name for arm in distilled for name in arm.stage_names))
            answer = self._signals(batch, names)
            before, now = now, self._clock()
            self.cost.add("teacher", now - before)
            self._add_seconds(distilled, "teacher", now - before)
        for arm in arms:
            arm.learn(batch, answer if arm.distillation is not None else None)
            before, now = now, self._clock()
            self.cost.add(arm.name, now - before)
            arm.tally.add_seconds("student", now - before)
        self.cost.count(arms, distilled)

    def _after_step(self, step: int, *, at_epoch_end: bool) -> None:
        self._display.step(step, {arm.name: arm.tally.mean_losses().get(TOTAL, float("nan")) for arm in self.arms})
        self._stopping = self.first.processes.any(self._stop())[0]
        if at_epoch_end:
            return  # validation and checkpoint follow
        every = self.first.settings.config.checkpoint_every
        if self._stopping or (every is not None and step % every == 0):
            self._save()
        if self._stopping:
            raise _cancelled(step)

    # --- checkpoints and the end ----------------------------------------------------------------------------------------------

    def _save(self) -> None:
        for arm in self.arms:
            if arm.step < arm.steps or not (arm.folder / checkpoints.FINAL).is_file():
                arm.save_checkpoint(str(arm.folder / checkpoints.LATEST))

    def _finish(self, outputs: Sequence[ArmOutput], finished: Sequence[nnUNetTrainerKD]) -> None:
        if self._signals is not None:
            self._signals.prove_unchanged()
        for arm, output in zip(self.arms, outputs, strict=True):
            if arm not in finished:
                arm.save_checkpoint(str(arm.folder / checkpoints.FINAL))
            output.finish(self.cost)
            if arm.average is not None:
                arm.network.load_state_dict(arm.average.weights())
            if arm.processes.is_first:
                (arm.folder / checkpoints.LATEST).unlink(missing_ok=True)

    def _require_same_batches(self) -> None:
        def needs(arm: nnUNetTrainerKD) -> tuple[object, ...]:
            plan = arm.configuration_manager
            return (
                arm.preprocessed_dataset_folder,
                str(arm.fold),
                arm.batch_size,
                tuple(plan.patch_size),
                str(arm._get_deep_supervision_scales()),
            )

        for arm in self.arms[1:]:
            if needs(arm) != needs(self.first):
                raise AgreementError(
                    f"The students {self.first.name} and {arm.name} cannot share batches.",
                    expected=f"data, fold, batch size, patch and scales {needs(self.first)}",
                    found=f"{needs(arm)}",
                    remedy="Train them in separate runs, or derive both from the same plans.",
                )

    def _clock(self) -> float:
        if self.first.device.type == "cuda":
            torch.cuda.synchronize(self.first.device)
        return time.perf_counter()

    @staticmethod
    def _add_seconds(arms: Sequence[nnUNetTrainerKD], name: str, seconds: float) -> None:
        for arm in arms:
            arm.tally.add_seconds(name, seconds)


def _cancelled(step: int) -> Cancelled:
    return Cancelled(
        "The training was stopped.",
        remedy=f"Step {step} is saved. Go on with distill --resume; a study goes on when it is started again.",
    )


@contextmanager
def averaged(arm: nnUNetTrainerKD) -> Iterator[None]:
    """Inside, the arm's network has its averaged weights, if it keeps an average."""
    if arm.average is None:
        yield
        return
    with arm.average.applied():
        yield
