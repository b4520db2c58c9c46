"""Which heads of a deeply supervised network a loss compares, and which of their voxels count."""

from __future__ import annotations

from typing import Iterator, List, Literal, NamedTuple, Optional, Sequence, Tuple

from torch import Tensor

from kdseg.errors import AgreementError, TrainingDataError
from kdseg_training.distillation.losses.base import Target, widened
from kdseg_training.distillation.losses.resolution import at_resolution
from kdseg_training.distillation.outputs import LabelScheme, Outputs

Heads = Literal["finest", "all"]


def deep_supervision_weights(heads: int) -> Tuple[float, ...]:
    """Return nnU-Net's weights of its heads, the finest first: 1, 1/2, 1/4, … and 0 for the coarsest, scaled to the sum 1."""
    if heads < 1:
        raise ValueError(f"heads: expected at least 1, found {heads}")
    if heads == 1:
        return (1.0,)
    weights = [0.5**k for k in range(heads - 1)]
    return (*(weight / sum(weights) for weight in weights), 0.0)


class Head(NamedTuple):
    """One head: its weight, logits (N, C, *spatial), and the weight of its voxels (N, 1, *spatial), float, or None for 1.

    Where the weight of a voxel is 0 the teacher's logits may be anything, also NaN.
    """

    weight: float
    student: Tensor
    teacher: Tensor
    voxels: Optional[Tensor]


class HeadSelection:
    """The heads that a loss compares.

    Parameters
    ----------
    scheme
        Tells which voxels have no label; those do not count.
    heads
        ``finest``: the one of highest resolution. ``all``: every head whose weight is above 0.
    head_weights
        One for each head, the finest first, as nnU-Net's deep supervision weighs them; used by ``all``.
    """

    def __init__(self, scheme: LabelScheme, heads: Heads = "finest", head_weights: Sequence[float] = (1.0,)) -> None:
        if not head_weights or min(head_weights) < 0 or not sum(head_weights) > 0:
            raise ValueError(f"head_weights: expected numbers of at least 0 with a positive sum, found {list(head_weights)}")
        self.scheme = scheme
        self.weights: Tuple[float, ...] = (1.0,) if heads == "finest" else tuple(float(weight) for weight in head_weights)

    def pairs(self, student: Outputs, teacher: Outputs, target: Target) -> Iterator[Head]:
        """Yield the heads one by one.

        Raises
        ------
        AgreementError
            If a network has too few heads, or heads differ in shape.
        TrainingDataError
            If the target of a head is missing or of another shape.
        """
        if len(self.weights) > 1:
            self._check_number(student, teacher)
        for index, weight in enumerate(self.weights):
            if weight == 0:
                continue
            ours, theirs = student.logits[index], teacher.logits[index]
            if ours.shape != theirs.shape or ours.shape[1] != self.scheme.heads:
                raise AgreementError(
                    f"The logits of head {index} of student and teacher differ in shape.",
                    expected=f"{self.scheme.heads} channels and the teacher's {tuple(theirs.shape)}",
                    found=str(tuple(ours.shape)),
                )
            known = None if teacher.mask is None else at_resolution(teacher.mask, ours.shape[2:])
            annotated = self._annotated(index, ours, target)
            yield Head(weight, ours, theirs, _product(known, annotated))

    def _check_number(self, student: Outputs, teacher: Outputs) -> None:
        found: List[int] = [len(student.logits), len(teacher.logits)]
        if found != [len(self.weights)] * 2:
            raise AgreementError(
                "The number of heads is not the number of their weights.",
                expected=f"{len(self.weights)} heads in both networks",
                found=f"{found[0]} of the student and {found[1]} of the teacher",
                remedy="Switch deep supervision on in both networks, or compare the finest head only.",
            )

    def _annotated(self, index: int, logits: Tensor, target: Target) -> Optional[Tensor]:
        if target is None or self.scheme.ignore_label is None:
            return None
        if index >= len(target) or target[index].shape[0] != logits.shape[0] or target[index].shape[2:] != logits.shape[2:]:
            raise TrainingDataError(
                f"The target of head {index} does not fit its logits.",
                expected=str((logits.shape[0], "…", *logits.shape[2:])),
                found="no target" if index >= len(target) else str(tuple(target[index].shape)),
            )
        return self.scheme.annotated(target[index])


def _product(known: Optional[Tensor], annotated: Optional[Tensor]) -> Optional[Tensor]:
    if known is None:
        return None if annotated is None else annotated.float()
    return widened(known) if annotated is None else widened(known) * annotated
