"""Logit distillation: the student's class probabilities follow the teacher's."""

from __future__ import annotations

from typing import Sequence

from torch import Tensor

from kdseg_training.distillation.losses.base import DistillationTerm, Target, total
from kdseg_training.distillation.losses.divergence import mean_divergence
from kdseg_training.distillation.losses.heads import Heads, HeadSelection
from kdseg_training.distillation.outputs import LabelScheme, Outputs


class LogitDistillation(DistillationTerm):
    """Kullback–Leibler divergence from the teacher's softened probabilities to the student's.

    Labels that exclude each other, for each head::

        L = T² · mean_v Σ_c p^T_cv · (log p^T_cv − log p^S_cv),      p = softmax_c(z / T)

    Regions, each channel a decision of its own::

        L = T² · mean_v Σ_c [ p^T · (log p^T − log p^S) + (1 − p^T) · (log(1 − p^T) − log(1 − p^S)) ],   p = σ(z / T)

    The sum runs over classes (axis 1), the mean over voxels of the whole batch, weighted by the teacher's mask; voxels with
    the ignore label are left out. The gradient of a logit shrinks as 1/T², so T² keeps its size while T changes (Hinton et
    al. 2015, arXiv 1503.02531). Several heads are added with nnU-Net's weights.

    Source: arXiv 2601.09191 and its group's public code (finest head, T = 2). The form for regions and the one for several
    heads are our extensions.

    Parameters
    ----------
    scheme
        What channels and labels mean.
    temperature
        T > 0.
    heads, head_weights
        See :class:`~kdseg_training.distillation.losses.heads.HeadSelection`.
    """

    def __init__(
        self,
        scheme: LabelScheme,
        *,
        temperature: float = 2.0,
        heads: Heads = "finest",
        head_weights: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature: expected a number above 0, found {temperature}")
        self.temperature = temperature
        self.selection = HeadSelection(scheme, heads, head_weights)

    def compute(self, student: Outputs, teacher: Outputs, target: Target) -> Tensor:
        """Return the weighted sum over heads."""
        losses = [
            head.weight
            * mean_divergence(
                head.student,
                head.teacher,
                head.voxels,
                temperature=self.temperature,
                regions=self.selection.scheme.regions,
            )
            for head in self.selection.pairs(student, teacher, target)
        ]
        return self.temperature**2 * total(losses)
