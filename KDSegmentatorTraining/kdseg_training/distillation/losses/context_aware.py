"""Context-aware feature distillation: the relation of every place to the whole."""

from __future__ import annotations

from typing import ClassVar, Mapping, Sequence

import torch
from torch import Tensor, nn

from kdseg_training.distillation.losses.adapters import stage_key
from kdseg_training.distillation.losses.base import Target
from kdseg_training.distillation.losses.gram import cosines, gram_matrix
from kdseg_training.distillation.losses.staged import StagedTerm
from kdseg_training.distillation.losses.voxels import pointwise, voxels_of

SMALLEST_HIDDEN = 4
"""Channels between the two convolutions, at least: a norm over one number always gives 0, over two little more than a sign."""


class ContextBlock(nn.Module):
    """What the whole feature map adds to each of its channels: g(GC(F)) of a global context block.

    ::

        GC(F) = Σ_v softmax_v(w · F_v) F_v,      g = convolution C → C/2, GroupNorm, ReLU, convolution C/2 → C

    All convolutions have kernel 1. The last one starts at zero, so that the block adds nothing before it has learnt something;
    the norm has one group, as the layer norm of GCNet (Cao et al. 2019, arXiv 1904.11492) [reconstruction].

    Parameters
    ----------
    channels
        C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(SMALLEST_HIDDEN, channels // 2)
        self.where = nn.Conv1d(channels, 1, kernel_size=1)
        self.transform = nn.Sequential(
            nn.Conv1d(channels, hidden, kernel_size=1),
            nn.GroupNorm(1, hidden),
            nn.ReLU(),
            nn.Conv1d(hidden, channels, kernel_size=1),
        )
        for parameter in self.transform[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, 1) for (N, C, V)."""
        share = torch.softmax(pointwise(self.where, features), dim=2)
        added: Tensor = self.transform(features @ share.mT)
        return added


class ContextAware(StagedTerm):
    """MS-CA, the multi-scale context alignment of ReCo-KD, with context blocks g(GC(·)); see :class:`ContextBlock`.

    With the adapted student F^S and the teacher F^T, both (N, C, V), for each stage::

        L = mean (F^S + g_s(GC_s(F^S)) − F^T − g_t(GC_t(F^T)))²

    Before the first step the blocks add nothing and L is the plain mean squared error. They learn with the student, that of the
    teacher's side too: both belong in the optimiser and the checkpoint. In the published code neither is, so that L stays the
    plain error for ever. Note that blocks which learn can also take a constant difference of a channel upon themselves, which
    plain features cannot; ``channel_affinity`` has no parameters.

    Source: arXiv 2601.08301 and its group's public code.

    Parameters
    ----------
    channels
        Stage name → C, the teacher's channels.
    decay
        See :class:`~kdseg_training.distillation.losses.staged.StagedTerm`; published: 3 · 0.4.
    """

    equal_channels: ClassVar[bool] = True

    def __init__(self, channels: Mapping[str, int], *, decay: float = 1.2) -> None:
        super().__init__(list(channels), decay=decay)
        self.student_blocks = _blocks(channels)
        self.teacher_blocks = _blocks(channels)

    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return the mean squared error of features with context."""
        ours, theirs = voxels_of(student), voxels_of(teacher)
        context: Tensor = self.student_blocks[stage_key(name)](ours) - self.teacher_blocks[stage_key(name)](theirs)
        return (ours - theirs + context).square().mean()


class ChannelAffinity(StagedTerm):
    """Mean squared error between the channel affinities of student and teacher.

    ::

        G_ij = <F_i, F_j> / (|F_i| |F_j|) over voxels,      L = mean_ij (G^S_ij − G^T_ij)²

    with the adapted student, F (N, C, V) and G (N, C, C).

    Source: an alternative to MS-CA in the public code of arXiv 2601.08301, whose abstract speaks of affinity patterns
    [reconstruction].

    Parameters
    ----------
    stages, decay
        See :class:`~kdseg_training.distillation.losses.staged.StagedTerm`.
    """

    equal_channels: ClassVar[bool] = True

    def __init__(self, stages: Sequence[str], *, decay: float = 1.2) -> None:
        super().__init__(stages, decay=decay)

    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return the mean squared difference of affinities."""
        ours, theirs = (cosines(gram_matrix(voxels_of(features))) for features in (student, teacher))
        return (ours - theirs).square().mean()


def _blocks(channels: Mapping[str, int]) -> nn.ModuleDict:
    return nn.ModuleDict({stage_key(name): ContextBlock(count) for name, count in channels.items()})
