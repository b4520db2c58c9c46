"""What all distillation losses have in common: constants of the graph on the teacher's side, and enough precision.

Every loss is an ``nn.Module`` called with two :class:`~kdseg_training.distillation.outputs.Outputs` and a target.
Half-precision inputs are widened to float32 and autocast is switched off inside, since sums of squares over a feature map
overflow float16 (largest number 65,504). A float64 input stays float64.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from kdseg.errors import AgreementError
from kdseg_training.distillation.outputs import Outputs

Target = Optional[Sequence[Tensor]]
"""One target for each head, the finest first, as nnU-Net's loader gives them; None for an unlabelled batch."""


class DistillationTerm(nn.Module):
    """One term of the distillation loss.

    Attributes
    ----------
    needs_labels
        Whether the term is defined by the target; without one it is 0.
    equal_channels
        Whether the features of student and teacher must have equally many channels: the student's go through adapters first.
    condenses
        Whether :meth:`condensed` makes the features smaller; it is then used before the adapters.
    stage_names
        The stages whose features it compares; empty for logits only.
    """

    needs_labels: ClassVar[bool] = False
    equal_channels: ClassVar[bool] = False
    condenses: ClassVar[bool] = False
    stage_names: Tuple[str, ...] = ()

    def forward(self, student: Outputs, teacher: Outputs, target: Target = None) -> Tensor:
        """Return the loss of one batch.

        Parameters
        ----------
        student, teacher
            Outputs for the same batch; nothing flows back into the teacher's.
        target
            One tensor for each head, the finest first; None for an unlabelled batch.

        Returns
        -------
        Tensor
            Scalar, float32 (float64 for float64 inputs), at least 0. It always belongs to the student's graph, so that
            ``backward`` works even where it is 0 because there are no labels.

        Raises
        ------
        AgreementError
            If student and teacher differ in a shape that must be equal.
        """
        if target is None and self.needs_labels:
            return graph_zero(student.logits[0], *self.parameters())
        with torch.autocast(student.logits[0].device.type, enabled=False):
            return self.compute(student, teacher.detached(), target)

    def condensed(self, outputs: Outputs) -> Outputs:
        """Return outputs whose features are all that this term looks at: means over voxels, which commute with the adapters.

        The term gives the same for outputs that are condensed already.
        """
        return outputs

    @abstractmethod
    def compute(self, student: Outputs, teacher: Outputs, target: Target) -> Tensor:
        """Return the loss; the teacher's tensors are constants and autocast is off."""

    def stage_pair(self, name: str, student: Outputs, teacher: Outputs) -> Tuple[Tensor, Tensor]:
        """Return the features of one stage, widened, after their shapes were compared."""
        missing = [who for who, outputs in (("student", student), ("teacher", teacher)) if name not in outputs.features]
        if missing:
            raise AgreementError(
                f"The features of stage {name} are missing.",
                expected="outputs of both networks",
                found=f"none of the {' and the '.join(missing)}",
                remedy="Tap the stages that the loss names (stage_names) in both networks.",
            )
        ours, theirs = student.features[name], teacher.features[name]
        first = 1 if self.equal_channels else 2
        if ours.shape[0] != theirs.shape[0] or ours.shape[first:] != theirs.shape[first:]:
            what = "shape" if self.equal_channels else "batch and spatial shape"
            raise AgreementError(
                f"Stage {name} of student and teacher differ in {what}.",
                expected=f"the teacher's {tuple(theirs.shape)}",
                found=f"{tuple(ours.shape)}",
                remedy="Use plans with the same patch size and strides, and an adapter where channels differ.",
            )
        return widened(ours), widened(theirs)


def widened(tensor: Tensor) -> Tensor:
    """Return float32 for anything narrower; float32 and float64 as they are, without a copy."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def packed(tensor: Tensor) -> Tensor:
    """Return :func:`widened`, each channel in one piece of memory."""
    return widened(tensor).contiguous()


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over samples n of Σ_v w_nv x_nv / Σ_v w_nv; a sample without any weight counts as 0.

    Each sample has a denominator of its own, so that the loss of a batch is the mean over its samples, also where the batch is
    shared out to several processes.

    Parameters
    ----------
    values, weight
        (N, …), of equal shape; the weight is float, constant and at least 0.
    """
    values, weight = values.flatten(1), weight.flatten(1)
    return ((values * weight).sum(dim=1) / positive(weight.sum(dim=1))).mean()


def positive(denominator: Tensor) -> Tensor:
    """Return the denominator with 1 in place of 0: what is divided by it is an empty sum then."""
    return torch.where(denominator > 0, denominator, torch.ones_like(denominator))


def graph_zero(*tensors: Tensor) -> Tensor:
    """Return a 0 that belongs to the graph of all these tensors: the sum of none of their elements, so never NaN.

    ``backward`` then works for a batch that has nothing to compare, and a parameter has a gradient (of zero) in every process
    of a distributed run, also in the one whose batch has no labels.
    """
    return torch.stack([widened(tensor[:0] if tensor.ndim else tensor.reshape(1)[:0]).sum() for tensor in tensors]).sum()


def total(terms: List[Tensor]) -> Tensor:
    """Return the sum of scalars."""
    return torch.stack(terms).sum()
