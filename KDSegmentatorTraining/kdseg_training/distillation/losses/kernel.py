"""Kernel matching: the style of a feature map, as what its channels have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Optional, Sequence

import torch
from torch import Tensor

from kdseg_training.distillation.losses.base import Target, positive, widened
from kdseg_training.distillation.losses.gram import gram_matrix
from kdseg_training.distillation.losses.staged import StagedTerm
from kdseg_training.distillation.losses.tokens import cell_means, tokens_of
from kdseg_training.distillation.outputs import Outputs

Kernel = Literal["linear", "polynomial", "gaussian"]


class KernelMatching(StagedTerm):
    """Squared distance between the kernel matrices of student and teacher.

    Tokens are cell means of the features divided by their length over channels
    (:func:`~kdseg_training.distillation.losses.tokens.tokens_of`); F (C, n) holds one channel in each row and the student's F
    is adapted to the teacher's C channels. For each stage::

        G = F Fᵀ / n
        linear:      K_ij = G_ij
        polynomial:  K_ij = (G_ij + offset)^degree
        gaussian:    K_ij = exp(−D_ij / (2 h)),   D_ij = G_ii + G_jj − 2 G_ij = |F_i − F_j|² / n
        L = mean over samples of |K^S − K^T|²_F / C²

    The elements of a linear G are of the order 1 / C, so the linear loss is small: weigh it accordingly.

    h is ``bandwidth``, or else the mean of the teacher's D over i ≠ j, for both networks and apart for each sample.

    Source: arXiv 2404.02738 (a Gram matrix that captures style); the tokens, the kernels' forms and h are [reconstruction].

    Parameters
    ----------
    stages, decay
        See :class:`~kdseg_training.distillation.losses.staged.StagedTerm`.
    kernel
        As above.
    tokens_per_axis
        8 or 4: n = 8³ or 4³ in 3-D.
    degree, offset
        Of the polynomial kernel.
    bandwidth
        Of the Gaussian kernel, in units of D; None: from the teacher.
    """

    equal_channels: ClassVar[bool] = True
    condenses: ClassVar[bool] = True

    def __init__(
        self,
        stages: Sequence[str],
        *,
        decay: float = 0.0,
        kernel: Kernel = "linear",
        tokens_per_axis: int = 8,
        degree: int = 2,
        offset: float = 1.0,
        bandwidth: Optional[float] = None,
    ) -> None:
        super().__init__(stages, decay=decay)
        if tokens_per_axis < 1 or degree < 1 or (bandwidth is not None and not bandwidth > 0):
            raise ValueError("tokens_per_axis, degree, bandwidth: expected at least 1, at least 1, and above 0")
        self.kernel = kernel
        self.tokens_per_axis = tokens_per_axis
        self.degree = degree
        self.offset = offset
        self.bandwidth = bandwidth

    def condensed(self, outputs: Outputs) -> Outputs:
        """Return outputs with means over the cells of the tokens in place of the features."""
        present = [name for name in self.stage_names if name in outputs.features]
        with torch.autocast(outputs.logits[0].device.type, enabled=False):
            cells = {name: cell_means(widened(outputs.features[name]), self.tokens_per_axis) for name in present}
        return replace(outputs, features={**outputs.features, **cells})

    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return the mean squared difference of the kernel matrices' elements."""
        ours, theirs = (gram_matrix(tokens_of(features, self.tokens_per_axis)) for features in (student, teacher))
        if self.kernel == "polynomial":
            ours, theirs = ((gram + self.offset) ** self.degree for gram in (ours, theirs))
        elif self.kernel == "gaussian":
            ours, theirs = squared_distances(ours), squared_distances(theirs)
            width = 2 * self._bandwidth(theirs)
            ours, theirs = torch.exp(-ours / width), torch.exp(-theirs / width)
        return (ours - theirs).square().mean()

    def _bandwidth(self, distances: Tensor) -> Tensor:
        """Return h, (N, 1, 1); 1 where all channels are equal."""
        if self.bandwidth is not None:
            return distances.new_full((1, 1, 1), self.bandwidth)
        channels = distances.shape[1]
        return positive(distances.sum(dim=(1, 2), keepdim=True) / max(1, channels * (channels - 1)))


def squared_distances(gram: Tensor) -> Tensor:
    """Return G_ii + G_jj − 2 G_ij, (N, C, C)."""
    energy = gram.diagonal(dim1=1, dim2=2)
    return energy[:, :, None] + energy[:, None, :] - 2 * gram
