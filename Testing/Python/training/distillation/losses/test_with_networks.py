"""All losses between genuine nnU-Net networks, tapped as a training taps them."""

from __future__ import annotations

import copy
from typing import Sequence

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from kdseg_training.distillation.loss_config import DistillationSpec
from kdseg_training.distillation.losses.composition import DistillationLoss, build_distillation_loss
from kdseg_training.distillation.losses.heads import deep_supervision_weights
from kdseg_training.distillation.outputs import LabelScheme, Outputs
from kdseg_training.distillation.stages import StageTap, stage_channels

SCHEME = LabelScheme(3)
SPEC = DistillationSpec.model_validate(
    {
        "losses": [
            {"kind": "logits", "heads": "all"},
            {"kind": "soft_dice", "heads": "all"},
            {"kind": "region_aware"},
            {"kind": "context_aware"},
            {"kind": "context_aware", "context": "channel_affinity", "stages": "bottleneck", "name": "channel_affinity"},
            {"kind": "affinity", "stages": "decoder", "tokens_per_axis": 4},
            {"kind": "kernel", "kernel": "gaussian", "stages": "decoder", "tokens_per_axis": 4},
        ]
    }
)


def build(kind: type[nn.Module], features: Sequence[int], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    blocks = {"n_conv_per_stage": 2} if kind is PlainConvUNet else {"n_blocks_per_stage": 1}
    return kind(
        input_channels=1,
        n_stages=4,
        features_per_stage=list(features),
        conv_op=nn.Conv3d,
        kernel_sizes=3,
        strides=[1, 2, 2, 2],
        num_classes=3,
        n_conv_per_stage_decoder=1,
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
        **blocks,
    )


def run(network: nn.Module, names: Sequence[str], batch: torch.Tensor) -> Outputs:
    with StageTap(network, names) as tap:
        return Outputs(network(batch), tap.take())


def build_loss(student: nn.Module, teacher: nn.Module) -> DistillationLoss:
    return build_distillation_loss(
        SPEC.specs, SCHEME, stage_channels(student), stage_channels(teacher), deep_supervision_weights(3)
    )


@pytest.fixture(params=[PlainConvUNet, ResidualEncoderUNet], ids=["plain", "residual"])
def teacher(request) -> nn.Module:
    return build(request.param, (8, 12, 16, 20), seed=0).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def batch() -> torch.Tensor:
    return torch.randn(2, 1, 16, 24, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def labels() -> list[torch.Tensor]:
    finest = torch.randint(0, 3, (2, 1, 16, 24, 16), generator=torch.Generator().manual_seed(0)).float()
    return [finest, finest[:, :, 1::2, 1::2, 1::2], finest[:, :, 2::4, 2::4, 2::4]]


def test_a_copy_of_the_teacher_has_nothing_to_learn(teacher, batch, labels):
    student = copy.deepcopy(teacher).requires_grad_()
    loss = build_loss(student, teacher)
    total, parts = loss(run(student, loss.stage_names, batch), run(teacher, loss.stage_names, batch), labels, progress=1.0)
    assert len(parts) == len(SPEC.specs)
    assert total.item() == 0.0


def test_a_narrow_student_learns_and_the_teacher_stays(teacher, batch, labels):
    student = build(type(teacher), (4, 6, 8, 10), seed=1)
    loss = build_loss(student, teacher)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    with torch.inference_mode():
        soft = run(teacher, loss.stage_names, batch)
    optimizer = torch.optim.SGD([*student.parameters(), *loss.parameters()], lr=0.02, momentum=0.9)
    totals = []
    for _ in range(6):
        optimizer.zero_grad()
        total, _ = loss(run(student, loss.stage_names, batch), soft, labels, progress=1.0)
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.9 * totals[0]
    without = {name for name, parameter in student.named_parameters() if parameter.grad is None}
    assert without == {f"decoder.seg_layers.0.{part}" for part in ("weight", "bias")}  # the head of weight 0
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())
