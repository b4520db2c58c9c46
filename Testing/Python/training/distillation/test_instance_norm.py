"""The same values and gradients as torch's own instance normalisation, in the order the channels came in."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from kdseg_training.distillation.instance_norm import normalize_one_by_one


def network(dimension: int, **arguments: object) -> nn.Module:
    kind = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[dimension]
    torch.manual_seed(0)
    made = nn.Sequential(kind(5, affine=True, eps=1e-3, **arguments), nn.LeakyReLU())
    nn.init.normal_(made[0].weight)
    nn.init.normal_(made[0].bias)
    return made


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dimension", [2, 3])
def test_values_and_gradients(dimension: int, batch: int) -> None:
    own = network(dimension)
    ours = copy.deepcopy(own)
    assert normalize_one_by_one(ours) == 1
    order = torch.channels_last if dimension == 2 else torch.channels_last_3d
    image = (3 * torch.randn(batch, 5, *(7, 9, 8)[:dimension]) + 1).requires_grad_()
    same = image.detach().contiguous(memory_format=order).requires_grad_()
    expected, found = own(image), ours(same)
    assert found.is_contiguous(memory_format=order)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weight = torch.randn_like(expected)
    (expected * weight).sum().backward()
    (found * weight).sum().backward()
    torch.testing.assert_close(same.grad, image.grad, rtol=1e-4, atol=1e-5)
    for (name, theirs), mine in zip(own.named_parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-4, msg=name)


def test_names_values_and_copies_stay() -> None:
    own = network(3)
    before = copy.deepcopy(own.state_dict())
    normalize_one_by_one(own)
    torch.testing.assert_close(dict(copy.deepcopy(own).state_dict()), dict(before), rtol=0, atol=0)
    assert isinstance(own[0], nn.InstanceNorm3d)
    assert normalize_one_by_one(own) == 0, "once is enough"


def test_running_statistics_are_left_to_torch() -> None:
    assert normalize_one_by_one(network(3, track_running_stats=True)) == 0
