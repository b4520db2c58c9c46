"""Soft Dice between two soft segmentations, smallest where they are equal."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from torch import Tensor

from kdseg_training.distillation.losses.base import DistillationTerm, Target, total
from kdseg_training.distillation.losses.blocks import worthwhile
from kdseg_training.distillation.losses.heads import Head, Heads, HeadSelection
from kdseg_training.distillation.losses.sums import soft_sums, soft_sums_as_a_whole
from kdseg_training.distillation.outputs import LabelScheme, Outputs


class SoftDice(DistillationTerm):
    """Dice of the student's probabilities p with the teacher's q.

    For each structure c, with sums over voxels::

        L_c = 1 − (|p| + |q| − |p − q| + s) / (|p| + |q| + s) = Σ_v |p − q| / (Σ_v (p + q) + s)

    and then the mean over structures (and samples, unless ``batch``). It is 0 only where p = q. The usual soft Dice, 1 − 2 Σ
    p·q / Σ (p + q), is smallest at p = 1[q > ½] instead, so it sharpens the teacher's doubts away. On hard labels both are
    equal. The smoothing s also guards structures that are absent from the patch: they count as 0.

    Source: the L1 form of Dice for soft labels, Wang et al. 2023, arXiv 2303.16296 (DML1). Using it for distillation in nnU-Net
    is our extension.

    Parameters
    ----------
    scheme
        What channels and labels mean; the background is left out, as nnU-Net's own Dice does.
    temperature
        p = softmax(z / T), or σ(z / T) for regions.
    batch
        Sum over the samples of the batch, in this process, before dividing (nnU-Net's ``batch_dice``).
    smooth
        s, in voxels.
    heads, head_weights
        See :class:`~kdseg_training.distillation.losses.heads.HeadSelection`.
    """

    def __init__(
        self,
        scheme: LabelScheme,
        *,
        temperature: float = 1.0,
        batch: bool = False,
        smooth: float = 1e-5,
        heads: Heads = "finest",
        head_weights: Sequence[float] = (1.0,),
    ) -> None:
        super().__init__()
        if not (temperature > 0 and smooth > 0):
            raise ValueError(f"temperature, smooth: expected numbers above 0, found {temperature}, {smooth}")
        self.temperature = temperature
        self.batch = batch
        self.smooth = smooth
        self.selection = HeadSelection(scheme, heads, head_weights)

    def compute(self, student: Outputs, teacher: Outputs, target: Target) -> Tensor:
        """Return the weighted sum over heads."""
        return total([head.weight * self._of_head(head) for head in self.selection.pairs(student, teacher, target)])

    def _of_head(self, head: Head) -> Tensor:
        options: Dict[str, Any] = {"temperature": self.temperature, "regions": self.selection.scheme.regions}
        compare = soft_sums if worthwhile(head.student) else soft_sums_as_a_whole
        sums = compare(head.student, head.teacher, head.voxels, **options)
        distance, size = sums.distance, sums.size + sums.teacher_size
        if self.batch:
            distance, size = distance.sum(0), size.sum(0)
        counted = slice(self.selection.scheme.foreground[0], None)
        return (distance / (size + self.smooth))[..., counted].mean()
