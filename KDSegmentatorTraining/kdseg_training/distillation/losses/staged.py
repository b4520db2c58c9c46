"""Losses that compare features: one value for each stage, weighted by its depth."""

from __future__ import annotations

from abc import abstractmethod
from typing import Dict, Sequence

from torch import Tensor

from kdseg_training.distillation.losses.base import DistillationTerm, Target, total
from kdseg_training.distillation.outputs import Outputs
from kdseg_training.distillation.stages import stage_depth


class StagedTerm(DistillationTerm):
    """``L = Σ_k ω_k L_k`` over stages k.

    Parameters
    ----------
    stages
        Names of the stages.
    decay
        ω_k ∝ 2^(−decay · k) with k the number in the stage's name, scaled so that Σ ω_k = 1: the size of the loss does not
        depend on how many stages there are [reconstruction: the published factors are known up to their scale]. 0 weighs all
        stages alike.
    """

    def __init__(self, stages: Sequence[str], *, decay: float = 0.0) -> None:
        super().__init__()
        if not stages or len(set(stages)) != len(stages):
            raise ValueError(f"stages: expected at least one and none twice, found {list(stages)}")
        self.stage_names = tuple(stages)
        self.stage_weights = stage_weights(stages, decay)

    def compute(self, student: Outputs, teacher: Outputs, target: Target) -> Tensor:
        """Return the weighted sum over stages."""
        return total(
            [
                weight * self.of_stage(name, *self.stage_pair(name, student, teacher), target)
                for name, weight in self.stage_weights.items()
            ]
        )

    @abstractmethod
    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return the loss of one stage from features (N, C, *spatial), float32 or wider."""


def stage_weights(stages: Sequence[str], decay: float) -> Dict[str, float]:
    """Return stage → ω_k, see :class:`StagedTerm`."""
    raw = {name: 2.0 ** (-decay * stage_depth(name)) for name in stages}
    return {name: weight / sum(raw.values()) for name, weight in raw.items()}
