"""The teacher's answers from stored soft labels, in place of a forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Sequence

import torch

from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg_training.distillation.outputs import Outputs
from kdseg_training.distillation.soft_labels.reading import SoftLabelCompanion, SoftLabels
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training.companions import Companion

if TYPE_CHECKING:
    from kdseg_training.distillation.training.step import DeviceBatch

CARRIED = "soft_labels"
"""Name of the companion in a batch: (N, C + 1, *spatial), the last channel the share for which there are probabilities."""

SMALLEST_PROBABILITY = 1e-7
"""Smaller ones are raised to it, so that logarithms are finite."""


class CachedTeacher:
    """Gives the logarithms of stored probabilities as logits, and a mask that is 0 outside of the stored volume.

    Parameters
    ----------
    teacher
        Whose soft labels they are.
    soft_labels
        Checked against the cases of the run.
    """

    def __init__(self, teacher: Teacher, soft_labels: SoftLabels) -> None:
        self._teacher = teacher
        self._regions = soft_labels.scheme.regions
        self.companions: Mapping[str, Companion] = {CARRIED: SoftLabelCompanion(soft_labels)}

    def __call__(self, batch: DeviceBatch, stage_names: Sequence[str]) -> Outputs:
        """Return the stored outputs of a batch, of the finest head only.

        Raises
        ------
        ConfigurationError
            If stages are asked for: features are not stored.
        TrainingDataError
            If the batch carries no soft labels.
        """
        if stage_names:
            raise ConfigurationError(
                "Soft labels have no features.",
                expected="losses on the finest head's logits only",
                found=f"losses on {', '.join(stage_names)}",
                remedy="Remove teacher.soft_labels, so that the teacher runs on every batch, or remove these losses.",
            )
        if CARRIED not in batch.carried:
            raise TrainingDataError("The batch carries no soft labels.", expected=CARRIED, found="nothing")
        values, known = batch.carried[CARRIED][:, :-1].float(), batch.carried[CARRIED][:, -1:].float()
        if self._regions:
            share = (values / known.clamp_min(SMALLEST_PROBABILITY)).clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
            return Outputs([torch.logit(share)], mask=known)
        share = values / values.sum(dim=1, keepdim=True).clamp_min(SMALLEST_PROBABILITY)
        return Outputs([share.clamp_min(SMALLEST_PROBABILITY).log()], mask=known)

    def prove_unchanged(self) -> None:
        """Compare the teacher's digest with that at loading."""
        self._teacher.prove_unchanged()
