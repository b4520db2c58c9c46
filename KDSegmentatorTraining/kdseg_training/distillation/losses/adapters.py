"""Adapters: the student's narrow features in as many channels as the teacher's."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Mapping, Sequence, cast

import torch
from torch import Tensor, nn

from kdseg_training.distillation.losses.base import widened
from kdseg_training.distillation.losses.voxels import pointwise, voxels_of
from kdseg_training.distillation.outputs import Outputs


class ChannelAdapter(nn.Module):
    """A convolution with kernel 1 from C_s to C_t channels, for 2-D and 3-D: ``F^S_v = W f_v + b`` in every voxel v.

    It starts as the identity where the channels are equal, so that identical networks have equal features; otherwise as PyTorch
    starts a convolution.

    Parameters
    ----------
    student_channels, teacher_channels
        C_s and C_t.
    """

    def __init__(self, student_channels: int, teacher_channels: int) -> None:
        super().__init__()
        self.projection = nn.Conv1d(student_channels, teacher_channels, kernel_size=1)
        if student_channels == teacher_channels:
            nn.init.dirac_(self.projection.weight)
            nn.init.zeros_(cast(Tensor, self.projection.bias))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C_t, *spatial) for (N, C_s, *spatial)."""
        projected = pointwise(self.projection, voxels_of(features))
        return torch.unflatten(projected, 2, tuple(features.shape[2:]))


class StageAdapters(nn.Module):
    """One adapter for each stage, shared by all losses that compare channel with channel.

    Parameters
    ----------
    stages
        The stages.
    student_channels, teacher_channels
        Stage name → channels.
    """

    def __init__(self, stages: Iterable[str], student_channels: Mapping[str, int], teacher_channels: Mapping[str, int]) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(
            {stage_key(name): ChannelAdapter(student_channels[name], teacher_channels[name]) for name in dict.fromkeys(stages)}
        )

    def forward(self, student: Outputs, stages: Sequence[str]) -> Outputs:
        """Return the outputs with the features of these stages adapted, float32 or wider; the others are untouched.

        A stage that the student's outputs lack stays missing, and the loss that wants it says so.
        """
        present = [name for name in stages if name in student.features]
        with torch.autocast(student.logits[0].device.type, enabled=False):
            adapted = {name: self.stages[stage_key(name)](widened(student.features[name])) for name in present}
        return replace(student, features={**student.features, **adapted})


def stage_key(name: str) -> str:
    """Return a stage's name without the dots, which ``nn.ModuleDict`` does not allow."""
    return name.replace(".", "_")
