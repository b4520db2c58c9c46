"""Soft Dice: by hand, on hard labels, and where its minimum is."""

from __future__ import annotations

import math

import pytest
import torch

from kdseg_testing.distillation_tensors import of_logits, outputs, target
from kdseg_training.distillation.losses.blocks import FEWEST_CLASSES, worthwhile
from kdseg_training.distillation.losses.soft_dice import SoftDice
from kdseg_training.distillation.outputs import LabelScheme, Outputs

TWO = LabelScheme(2)
ONE_REGION = LabelScheme(1, regions=True)


def of_probabilities(*probabilities: float) -> Outputs:
    """A row of voxels with these foreground probabilities, as logits of one region."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    return of_logits(torch.logit(p).view(1, 1, 1, -1))


def test_by_hand():
    """|p| + |q| = 1.0 + 1.4, |p − q| = 0.3 + 0.1 + 0: 1 − (2.4 − 0.4) / 2.4."""
    loss = SoftDice(ONE_REGION, smooth=1e-12)(of_probabilities(0.5, 0.3, 0.2), of_probabilities(0.8, 0.4, 0.2))
    assert loss.item() == pytest.approx(1 - (2.4 - 0.4) / 2.4)


def test_background_of_labels_is_left_out():
    student, teacher = (
        of_logits(torch.tensor([[0.0, math.log(odds)]], dtype=torch.float64).view(1, 2, 1, 1)) for odds in (1.0, 3.0)
    )
    loss = SoftDice(TWO, smooth=1e-12)(student, teacher)
    assert loss.item() == pytest.approx(0.25 / 1.25)  # with the background it would be the mean with 0.25 / 0.75


def test_smallest_where_the_probabilities_are_equal():
    """The usual soft Dice is smallest at certainty instead, which is why it is not used."""
    teacher = 0.7
    grid = [k / 100 for k in range(1, 100)]
    ours = [SoftDice(ONE_REGION)(of_probabilities(p, 0.1), of_probabilities(teacher, 0.1)).item() for p in grid]
    usual = [1 - 2 * (p * teacher + 0.01) / (p + teacher + 0.2) for p in grid]
    assert grid[min(range(99), key=ours.__getitem__)] == teacher
    assert min(ours) == pytest.approx(0, abs=1e-9)
    assert grid[min(range(99), key=usual.__getitem__)] == 0.99


def test_equals_the_usual_dice_on_hard_labels():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, 1, 4, 5, 6, generator=generator, dtype=torch.float64) < 0.5 for _ in range(2))
    student, teacher = (of_logits((2.0 * mask - 1).double() * 100) for mask in (a, b))
    expected = 1 - 2 * (a & b).sum() / (a.sum() + b.sum())
    assert SoftDice(ONE_REGION)(student, teacher).item() == pytest.approx(expected.item(), abs=1e-6)


def test_a_structure_that_is_nowhere_counts_nothing():
    student, teacher = of_probabilities(1e-12, 3e-12), of_probabilities(2e-12, 1e-12)
    assert SoftDice(ONE_REGION)(student, teacher).item() < 1e-6


@pytest.mark.parametrize("classes", [3, FEWEST_CLASSES + 1])
def test_ignored_and_unknown_voxels_have_no_influence(classes: int):
    """Neither as a whole, with few classes, nor in blocks, with many."""
    scheme = LabelScheme(classes, ignore_label=classes)
    given = target(3, scheme)
    student, teacher = outputs(3, heads=classes, seed=1, requires_grad=True), outputs(3, heads=classes, seed=2)
    assert worthwhile(student.logits[0]) == (classes > 3)
    known = torch.ones_like(given[0], dtype=torch.bool)
    known[:, :, 0] = False
    known[0, :, 4] = False
    counted = known & scheme.annotated(given[0])
    losses = []
    for filling in (0.0, 9.0, float("nan")):
        changed = Outputs([teacher.logits[0].masked_fill(~counted, filling)], mask=known)
        losses.append(SoftDice(scheme)(student, changed, given))
    losses[-1].backward()
    assert losses[0].item() == losses[1].item() == losses[2].item() > 0
    assert (student.logits[0].grad[(~counted).expand_as(student.logits[0])] == 0).all()
    assert student.logits[0].grad.isfinite().all()


def test_samples_together_or_apart():
    """Two samples of very different size: together the large one rules, apart both count the same."""
    p = torch.tensor([[0.9, 0.9, 0.9, 0.9], [0.1, 1e-9, 1e-9, 1e-9]], dtype=torch.float64)
    q = torch.tensor([[0.9, 0.9, 0.9, 0.9], [0.3, 1e-9, 1e-9, 1e-9]], dtype=torch.float64)
    student, teacher = (of_logits(torch.logit(x).view(2, 1, 1, 4)) for x in (p, q))
    assert SoftDice(ONE_REGION)(student, teacher).item() == pytest.approx((0 + 0.2 / 0.4) / 2, rel=1e-4)
    assert SoftDice(ONE_REGION, batch=True)(student, teacher).item() == pytest.approx(0.2 / 7.6, rel=1e-4)


@pytest.mark.parametrize("scheme", [LabelScheme(3), LabelScheme(3, regions=True)])
def test_finite_differences(scheme):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 2, 2, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    loss = SoftDice(scheme, temperature=1.5)
    assert torch.autograd.gradcheck(lambda z: loss(of_logits(z), of_logits(teacher)), student.requires_grad_())


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"smooth": 0.0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match="above 0"):
        SoftDice(TWO, **settings)
