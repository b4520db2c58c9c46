"""Adaptive affinity: which places look alike, in the teacher's eyes."""

from __future__ import annotations

from typing import ClassVar, Sequence

from torch import Tensor

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.losses.base import Target, weighted_mean
from kdseg_training.distillation.losses.resolution import at_resolution
from kdseg_training.distillation.losses.staged import StagedTerm
from kdseg_training.distillation.losses.token_labels import same_label
from kdseg_training.distillation.losses.tokens import token_grid, tokens_of
from kdseg_training.distillation.outputs import LabelScheme


class AdaptiveAffinity(StagedTerm):
    """Squared difference of affinities, apart for pairs of equal and of different label.

    Tokens f_i are cell means of the features, divided by their length
    (:func:`~kdseg_training.distillation.losses.tokens.tokens_of`). For each stage::

        A_ij = <f_i, f_j>,   w_ij = |A^T_ij − A^S_ij|^γ (constant),   E_ij = 1[same label]
        L = ½ mean_{E = 1} w_ij (A^S_ij − A^T_ij)² + ½ mean_{E = 0} w_ij (A^S_ij − A^T_ij)²

    over all ordered pairs of a sample, and then the mean over samples; a half without any pair is 0. A token's label
    is that of most of its voxels (:func:`~kdseg_training.distillation.losses.token_labels.same_label`). A is n × n whatever
    the number of channels, so no adapter is needed. Needs labels.

    Source: arXiv 2404.02738; the tokens, w and the halves are [reconstruction].

    Parameters
    ----------
    scheme
        What the values of the target mean.
    stages, decay
        See :class:`~kdseg_training.distillation.losses.staged.StagedTerm`.
    tokens_per_axis
        8 or 4: n = 8³ or 4³ in 3-D.
    gamma
        γ ≥ 0; 0 weighs all pairs alike.
    """

    needs_labels: ClassVar[bool] = True

    def __init__(
        self,
        scheme: LabelScheme,
        stages: Sequence[str],
        *,
        decay: float = 0.0,
        tokens_per_axis: int = 8,
        gamma: float = 1.0,
    ) -> None:
        super().__init__(stages, decay=decay)
        if gamma < 0 or tokens_per_axis < 1:
            raise ValueError(f"gamma, tokens_per_axis: expected at least 0 and 1, found {gamma}, {tokens_per_axis}")
        self.scheme = scheme
        self.tokens_per_axis = tokens_per_axis
        self.gamma = gamma

    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return half the mean over equal and half the mean over different pairs."""
        if not target:
            raise TrainingDataError(f"There is no label map for stage {name}.", expected="a target", found="none")
        ours, theirs = tokens_of(student, self.tokens_per_axis), tokens_of(teacher, self.tokens_per_axis)
        difference = ours.mT @ ours - theirs.mT @ theirs
        error = difference.square()
        if self.gamma > 0:
            error = difference.detach().abs().pow(self.gamma) * error
        labels = at_resolution(target[0], student.shape[2:])
        same, known = same_label(labels, self.scheme, token_grid(tuple(student.shape[2:]), self.tokens_per_axis))
        halves = [weighted_mean(error, (pairs & known).to(error.dtype)) for pairs in (same, ~same)]
        return 0.5 * (halves[0] + halves[1])
