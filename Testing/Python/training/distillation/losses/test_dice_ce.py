"""Dice and cross-entropy: nnU-Net's own loss is the oracle."""

from __future__ import annotations

from typing import Any, Optional

import pytest
import torch
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.losses import blocks as blocks_module
from kdseg_training.distillation.losses import dice_ce as dice_ce_module
from kdseg_training.distillation.losses.dice_ce import DiceAndCrossEntropy, OnPackedLogits, adapted
from kdseg_training.distillation.losses.sums import label_sums

CLASSES = 18


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "CACHED_ELEMENTS", CLASSES * 500)  # 1680 voxels a sample: several blocks


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """Return the shapes that were computed in blocks, as they come."""
    seen: list[torch.Size] = []

    def record(logits: torch.Tensor, labels: torch.Tensor) -> Any:
        seen.append(logits.shape)
        return label_sums(logits, labels)

    monkeypatch.setattr(dice_ce_module, "label_sums", record)
    return seen


def stock(*, batch: bool = False, ignore_label: Optional[int] = None, ddp: bool = False, **options: Any) -> DC_and_CE_loss:
    """Return the loss as nnUNetTrainer builds it."""
    dice = {"batch_dice": batch, "smooth": 1e-5, "do_bg": False, "ddp": ddp}
    weights = {"weight_ce": 1, "weight_dice": 1, **options}
    return DC_and_CE_loss(dice, {}, ignore_label=ignore_label, dice_class=MemoryEfficientSoftDiceLoss, **weights)


def sample(dtype: torch.dtype = torch.float32, *, absent: int = 17) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, CLASSES, 12, 14, 10, generator=generator).to(dtype)
    target = torch.randint(absent, (2, 1, 12, 14, 10), generator=generator).float()  # one structure is nowhere
    return logits, target


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_value_and_gradient_are_nnunets(batch: bool, channels_last: bool, in_blocks: list[torch.Size]) -> None:
    logits, target = sample()
    results = []
    for loss in (stock(batch=batch), adapted(stock(batch=batch))):
        order = torch.channels_last_3d if channels_last else torch.contiguous_format
        given = logits.clone().contiguous(memory_format=order).requires_grad_()
        value = loss(given, target)
        value.backward()
        results.append((value, given.grad))
    assert in_blocks == [torch.Size((2, CLASSES, 12, 14, 10))]
    (expected, slope), (found, our_slope) = results
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(our_slope, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))


def test_two_dimensions(in_blocks: list[torch.Size]) -> None:
    logits, target = sample()
    torch.testing.assert_close(adapted(stock())(logits[..., 0], target[..., 0]), stock()(logits[..., 0], target[..., 0]))
    assert len(in_blocks) == 1


def test_few_classes_are_nnunets_own_code(in_blocks: list[torch.Size]) -> None:
    logits, target = sample(absent=3)
    found = adapted(stock())(logits[:, :3].bfloat16(), target)
    assert torch.equal(found, stock()(logits[:, :3].bfloat16().float(), target))
    assert not in_blocks


@pytest.mark.parametrize("classes", [3, CLASSES])
@pytest.mark.parametrize("shape", [(2, 1, 12, 14, 9), (1, 1, 12, 14, 10), (2, 2, 12, 14, 10), (2, 12, 14, 10)])
def test_a_target_of_another_shape_is_refused(classes: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingDataError, match="labels do not fit"):
        adapted(stock())(sample()[0][:, :classes], torch.zeros(shape))


@pytest.mark.parametrize("classes", [3, CLASSES])
def test_a_label_that_is_no_class_is_torchs_error(classes: int) -> None:
    with pytest.raises(RuntimeError, match="out of bounds"):
        adapted(stock())(sample()[0][:, :classes], torch.full((2, 1, 12, 14, 10), float(classes)))


def test_half_precision_counts_as_if_it_were_widened() -> None:
    logits, target = sample(torch.bfloat16)
    torch.testing.assert_close(adapted(stock())(logits, target), stock()(logits.float(), target), rtol=1e-6, atol=0)


def other_dice(**options: Any) -> DC_and_CE_loss:
    dice = {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False, **options}
    return DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)


def other_entropy(**options: Any) -> DC_and_CE_loss:
    dice = {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False}
    return DC_and_CE_loss(dice, options, dice_class=MemoryEfficientSoftDiceLoss)


@pytest.mark.parametrize(
    "loss",
    [
        stock(ignore_label=3),
        stock(batch=True, ddp=True),
        stock(weight_ce=2),
        other_dice(do_bg=True),
        other_entropy(label_smoothing=0.1),
        other_entropy(weight=torch.ones(CLASSES)),
        other_entropy(ignore_index=0),
        DC_and_CE_loss({"batch_dice": False, "smooth": 1e-5, "do_bg": False}, {}),  # nnU-Net's other Dice
    ],
    ids=["ignore", "processes", "weights", "background", "smoothing", "class weights", "ignored index", "other Dice"],
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
    regions = torch.cat([target > c for c in range(CLASSES)], 1).float()
    torch.testing.assert_close(adapted(loss)(logits, regions), loss(logits, regions))


def test_the_trainers_loss_is_adapted() -> None:
    assert isinstance(adapted(stock()), DiceAndCrossEntropy)
    assert isinstance(adapted(stock(batch=True)), DiceAndCrossEntropy)
