"""Dice and cross-entropy: nnU-Net's own loss is the oracle."""

from __future__ import annotations

from typing import Any, Optional

import pytest
import torch
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

from kdseg_training.distillation.losses.dice_ce import DiceAndCrossEntropy, OnPackedLogits, adapted

CLASSES = 5


def stock(*, batch: bool = False, ignore_label: Optional[int] = None, ddp: bool = False, **options: Any) -> DC_and_CE_loss:
    """Return the loss as nnUNetTrainer builds it."""
    dice = {"batch_dice": batch, "smooth": 1e-5, "do_bg": False, "ddp": ddp}
    weights = {"weight_ce": 1, "weight_dice": 1, **options}
    return DC_and_CE_loss(dice, {}, ignore_label=ignore_label, dice_class=MemoryEfficientSoftDiceLoss, **weights)


def sample(dtype: torch.dtype = torch.float32, *, absent: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, CLASSES, 12, 14, 10, generator=generator).to(dtype)
    target = torch.randint(absent, (2, 1, 12, 14, 10), generator=generator).float()  # one structure is nowhere
    return logits, target


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_value_and_gradient_are_nnunets(batch: bool, channels_last: bool) -> None:
    logits, target = sample()
    results = []
    for loss in (stock(batch=batch), adapted(stock(batch=batch))):
        order = torch.channels_last_3d if channels_last else torch.contiguous_format
        given = logits.clone().contiguous(memory_format=order).requires_grad_()
        value = loss(given, target)
        value.backward()
        results.append((value, given.grad))
    assert isinstance(adapted(stock(batch=batch)), DiceAndCrossEntropy)
    (expected, slope), (found, our_slope) = results
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(our_slope, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))


def test_two_dimensions() -> None:
    logits, target = sample()
    torch.testing.assert_close(adapted(stock())(logits[..., 0], target[..., 0]), stock()(logits[..., 0], target[..., 0]))


def test_half_precision_counts_as_if_it_were_widened() -> None:
    logits, target = sample(torch.bfloat16)
    torch.testing.assert_close(adapted(stock())(logits, target), stock()(logits.float(), target), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "loss", [stock(ignore_label=3), stock(batch=True, ddp=True), stock(weight_ce=2)], ids=["ignore", "processes", "weights"]
)
def test_what_it_is_not_made_for_stays_nnunets(loss: DC_and_CE_loss) -> None:
    kept = adapted(loss)
    assert isinstance(kept, OnPackedLogits) and kept.loss is loss


def test_ignored_voxels() -> None:
    logits, target = sample(torch.bfloat16)
    loss = stock(ignore_label=3)
    torch.testing.assert_close(adapted(loss)(logits, target), loss(logits.float(), target))


def test_regions() -> None:
    loss = DC_and_BCE_loss({}, {"batch_dice": False, "do_bg": True, "smooth": 1e-5, "ddp": False})
    logits, target = sample()
    regions = torch.cat([target > 0, target > 1, target > 2, target > 3, target > 4], 1).float()
    torch.testing.assert_close(adapted(loss)(logits, regions), loss(logits, regions))
