"""Sums for losses like Dice: against the sums written out, and their gradients against finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.losses import blocks as blocks_module
from kdseg_training.distillation.losses.sums import label_sums, soft_sums, soft_sums_as_a_whole

SHAPE = (2, 4, 3, 2, 3)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "CACHED_ELEMENTS", 4 * 5)


def logits(seed: int, *, channels_last: bool = False, **options: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    tensor = torch.randn(SHAPE, generator=generator, dtype=torch.float64).to(**options)
    order = torch.channels_last_3d if channels_last else torch.contiguous_format
    return tensor.contiguous(memory_format=order).requires_grad_()


def labels() -> torch.Tensor:
    return torch.randint(4, (2, 1, 3, 2, 3), generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("channels_last", [False, True])
def test_sums_with_labels(channels_last: bool) -> None:
    given, target = logits(0, channels_last=channels_last), labels()
    sums = label_sums(given, target.float())
    p, hot = given.softmax(1), functional.one_hot(target[:, 0], 4).movedim(-1, 1)
    axes = (2, 3, 4)
    torch.testing.assert_close(sums.overlap, (p * hot).sum(axes))
    torch.testing.assert_close(sums.size, p.sum(axes))
    torch.testing.assert_close(sums.voxels, hot.double().sum(axes))
    torch.testing.assert_close(sums.surprise, -(p.log() * hot).sum((1, *axes)))
    assert torch.autograd.gradcheck(lambda z: label_sums(z, target)[:2], given)
    assert torch.autograd.gradcheck(lambda z: label_sums(z, target).surprise, given)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_with_a_teacher(channels_last: bool, regions: bool, weighted: bool) -> None:
    temperature = 1.7
    ours, theirs = logits(1, channels_last=channels_last), logits(2).detach()
    weight = torch.rand(2, 1, 3, 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64).round(decimals=1)
    weight[0, 0, 0, 0, :2] = 0
    w = weight if weighted else torch.ones_like(weight)
    stored = theirs.masked_fill(w == 0, float("nan"))  # where the weight is 0 the teacher's logits may be anything

    def sums(z: torch.Tensor) -> Any:
        return soft_sums(z, stored, weight if weighted else None, temperature=temperature, regions=regions)

    p, q = (z.div(temperature).sigmoid() if regions else z.div(temperature).softmax(1) for z in (ours, theirs))
    axes = (2, 3, 4)
    found = sums(ours)
    torch.testing.assert_close(found.distance, (w * (p - q).abs()).sum(axes))
    torch.testing.assert_close(found.size, (w * p).sum(axes))
    torch.testing.assert_close(found.teacher_size, (w * q).sum(axes))
    assert not found.teacher_size.requires_grad
    whole = soft_sums_as_a_whole(ours, stored, weight if weighted else None, temperature=temperature, regions=regions)
    for blockwise, written_out in zip(found, whole, strict=True):
        torch.testing.assert_close(blockwise, written_out)
    (found.distance.sum() + found.size.square().sum()).backward()
    gradient, ours.grad = ours.grad, None
    (whole.distance.sum() + whole.size.square().sum()).backward()
    torch.testing.assert_close(gradient, ours.grad)
    assert gradient.stride() == ours.stride()
    assert torch.autograd.gradcheck(lambda z: sums(z)[:2], ours)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_half_precision_is_widened_first(dtype: torch.dtype) -> None:
    """The sums are those of the same logits in float64; gradients come in the logits' own precision."""
    given, target = logits(4, dtype=dtype, channels_last=True), labels()
    exact = given.detach().double().requires_grad_()
    found, expected = label_sums(given, target), label_sums(exact, target)
    assert found.size.dtype == torch.float32
    torch.testing.assert_close(found.size.double(), expected.size, rtol=1e-6, atol=0)
    for sums in (found, expected):
        (sums.overlap.sum() + 2 * sums.surprise.sum()).backward()
    assert given.grad.dtype == dtype
    precision = torch.finfo(dtype).eps
    torch.testing.assert_close(given.grad.double(), exact.grad, rtol=precision, atol=precision)


def test_nothing_flows_where_teacher_and_student_agree() -> None:
    """|p − q| has no slope at 0: the gradient there is 0, not ±1."""
    same = logits(5)
    soft_sums(same, same.detach().clone(), None, temperature=1.0, regions=False).distance.sum().backward()
    assert (same.grad == 0).all()


@pytest.mark.parametrize("shape", [(2, 1, 3, 2, 2), (1, 1, 3, 2, 3), (2, 3, 2, 3)])
def test_labels_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingDataError, match="labels do not fit"):
        label_sums(logits(6), torch.zeros(shape))


def test_a_teacher_of_another_shape_is_refused() -> None:
    options: Any = {"temperature": 1.0, "regions": False}
    with pytest.raises(TrainingDataError, match="teacher"):
        soft_sums(logits(6), logits(7)[:1].detach(), None, **options)
    with pytest.raises(TrainingDataError, match="weights"):
        soft_sums(logits(6), logits(7).detach(), torch.ones(2, 1, 3, 2, 2), **options)
