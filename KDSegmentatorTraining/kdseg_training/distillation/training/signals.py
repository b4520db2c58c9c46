"""Where the teacher's answer to a batch comes from."""

from __future__ import annotations

from typing import Mapping, Protocol, Sequence

from kdseg_training.distillation.outputs import Outputs
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training.companions import Companion
from kdseg_training.distillation.training.precision import Precision
from kdseg_training.distillation.training.step import DeviceBatch


class TeacherSignals(Protocol):
    """Gives the teacher's outputs for a batch: computed now, or carried through the augmentation from a store.

    Attributes
    ----------
    companions
        What the batches must carry for it; empty for a teacher that computes.
    """

    companions: Mapping[str, Companion]

    def __call__(self, batch: DeviceBatch, stage_names: Sequence[str]) -> Outputs:
        """Return the outputs for ``batch.data`` (or from ``batch.carried``), with the named stages."""

    def prove_unchanged(self) -> None:
        """Raise :class:`kdseg.errors.TeacherError` if the teacher is not what it was when it was loaded."""


class LiveTeacher:
    """Runs the teacher on every batch.

    Parameters
    ----------
    teacher
        On the device of the batches.
    precision
        The same as the students'.
    """

    companions: Mapping[str, Companion] = {}

    def __init__(self, teacher: Teacher, precision: Precision) -> None:
        self._teacher = teacher
        self._precision = precision

    def __call__(self, batch: DeviceBatch, stage_names: Sequence[str]) -> Outputs:
        """Return what the teacher says about ``batch.data``."""
        with self._precision.autocast():
            return self._teacher(batch.data, tuple(stage_names))

    def prove_unchanged(self) -> None:
        """Compare the teacher's digest with that at loading."""
        self._teacher.prove_unchanged()
