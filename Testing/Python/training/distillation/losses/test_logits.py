"""Logit distillation against values by hand, torch's own divergences, and its known pitfalls."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from kdseg.errors import AgreementError, TrainingDataError
from kdseg_testing.distillation_tensors import of_logits, outputs, target
from kdseg_training.distillation.losses import divergence
from kdseg_training.distillation.losses.heads import deep_supervision_weights
from kdseg_training.distillation.losses.logits import LogitDistillation
from kdseg_training.distillation.outputs import LabelScheme, Outputs

LABELS = LabelScheme(3)
TWO = LabelScheme(2)
REGIONS = LabelScheme(3, regions=True)

ONE_VOXEL = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
"""KL of (¼, ¾) from (½, ½)."""


def voxels(*logits: tuple[float, ...]) -> torch.Tensor:
    """Logits of a row of voxels, (1, C, 1, V)."""
    return torch.tensor(logits).T[None, :, None]


class TestValue:
    @pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
    def test_one_voxel_by_hand(self, temperature):
        teacher, student = voxels((0.0, temperature * math.log(3))), voxels((0.0, 0.0))
        loss = LogitDistillation(TWO, temperature=temperature)(of_logits(student), of_logits(teacher))
        assert loss.item() == pytest.approx(temperature**2 * ONE_VOXEL, rel=1e-6)

    def test_mean_over_voxels(self):
        teacher = voxels((0.0, math.log(3)), (0.0, 0.0), (0.0, math.log(3)))
        loss = LogitDistillation(TWO, temperature=1.0)(of_logits(torch.zeros_like(teacher)), of_logits(teacher))
        assert loss.item() == pytest.approx(2 / 3 * ONE_VOXEL, rel=1e-6)

    def test_direction_is_from_the_teacher(self):
        uniform, certain = of_logits(voxels((0.0, 0.0))), of_logits(voxels((0.0, 20.0)))
        loss = LogitDistillation(TWO, temperature=1.0)
        assert loss(uniform, certain).item() == pytest.approx(math.log(2), rel=1e-4)  # the other direction is about 9.3
        assert loss(certain, uniform).item() > 9

    @pytest.mark.parametrize("dimension", [2, 3])
    def test_sum_over_classes_and_mean_over_voxels(self, dimension):
        """torch's ``mean`` also divides by C, and its ``batchmean`` divides by samples only: both are other losses."""
        student, teacher = outputs(dimension, seed=1), outputs(dimension, seed=2)
        loss = LogitDistillation(LABELS, temperature=1.0)(student, teacher)
        log_p, log_q = (functional.log_softmax(o.logits[0], dim=1) for o in (student, teacher))
        rows = [log.movedim(1, -1).reshape(-1, 3) for log in (log_p, log_q)]
        torch.testing.assert_close(loss, functional.kl_div(*rows, reduction="batchmean", log_target=True))
        mean = functional.kl_div(log_p, log_q, reduction="none", log_target=True).mean()
        torch.testing.assert_close(loss, 3 * mean)
        batchmean = functional.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
        torch.testing.assert_close(loss * log_p[0, 0].numel(), batchmean)

    def test_classes_are_axis_1(self):
        """Adding a number to all classes of a voxel changes nothing; to all voxels of a class it does."""
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        loss = LogitDistillation(LABELS)
        before = loss(student, teacher)
        of_voxel = torch.randn(2, 1, *student.logits[0].shape[2:], generator=torch.Generator().manual_seed(3))
        torch.testing.assert_close(loss(of_logits(student.logits[0] + of_voxel), teacher), before)
        of_class = torch.tensor([1.0, 0.0, -1.0])[:, None, None, None]
        assert abs(loss(of_logits(student.logits[0] + of_class), teacher) - before) > 0.01

    @pytest.mark.parametrize("scheme", [LABELS, REGIONS])
    def test_identical_logits_give_exactly_zero(self, scheme):
        same = outputs(3, scale=20.0)
        assert LogitDistillation(scheme)(same, same).item() == 0.0


class TestTemperature:
    def gradient(self, temperature: float) -> float:
        student = outputs(3, seed=1, scale=0.5, requires_grad=True)
        LogitDistillation(LABELS, temperature=temperature)(student, outputs(3, seed=2, scale=0.5)).backward()
        return student.logits[0].grad.norm().item()

    def test_t_squared_keeps_the_size_of_the_gradient(self):
        """Without the factor T² = 16 the gradient at T = 4 is about a fifteenth of that at T = 1."""
        assert self.gradient(1.0) / self.gradient(4.0) == pytest.approx(1.0, abs=0.1)
        assert 14 < self.gradient(1.0) / (self.gradient(4.0) / 16) < 17

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
    def test_not_positive(self, temperature):
        with pytest.raises(ValueError, match="temperature"):
            LogitDistillation(LABELS, temperature=temperature)


class TestRegions:
    @pytest.mark.parametrize("dimension", [2, 3])
    def test_equals_a_bernoulli_divergence_for_each_channel(self, dimension):
        student, teacher = outputs(dimension, seed=1), outputs(dimension, seed=2)
        loss = LogitDistillation(REGIONS, temperature=2.0)(student, teacher)
        p, q = (torch.distributions.Bernoulli(logits=o.logits[0] / 2) for o in (teacher, student))
        expected = 4 * torch.distributions.kl_divergence(p, q).sum(dim=1).mean()
        torch.testing.assert_close(loss, expected)

    def test_far_from_zero(self):
        """σ(100) rounds to 1 and log(1 − σ) would be −∞."""
        loss = LogitDistillation(LabelScheme(1, regions=True), temperature=1.0)
        assert loss(of_logits(voxels((90.0,))), of_logits(voxels((100.0,)))).item() == pytest.approx(0, abs=1e-6)
        assert loss(of_logits(voxels((-100.0,))), of_logits(voxels((100.0,)))).item() == pytest.approx(100.0)


class TestWhatCounts:
    @pytest.mark.parametrize("scheme", [LabelScheme(3, ignore_label=3), LabelScheme(3, regions=True, ignore_label=4)])
    @pytest.mark.parametrize("heads", ["finest", "all"])
    def test_ignored_voxels_have_no_influence(self, scheme, heads):
        loss = LogitDistillation(scheme, heads=heads, head_weights=(0.7, 0.3))
        given = target(3, scheme)
        ignored = [~scheme.annotated(t) for t in given]
        assert all(i.any() for i in ignored)
        student, teacher = outputs(3, seed=1, requires_grad=True), outputs(3, seed=2)
        before = loss(student, teacher, given)
        before.backward()
        assert (student.logits[0].grad[ignored[0].expand_as(student.logits[0])] == 0).all()
        for change in (student, teacher):
            with torch.no_grad():
                for head, where in zip(change.logits, ignored, strict=True):
                    head += 5.0 * where * torch.tensor([1.0, -2.0, 3.0])[:, None, None, None]
            assert loss(student, teacher, given).item() == pytest.approx(before.item(), rel=1e-6)

    def test_without_labels_nothing_is_ignored(self):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        with_ignore, without = LogitDistillation(LabelScheme(3, ignore_label=3)), LogitDistillation(LABELS)
        assert with_ignore(student, teacher, None).item() == without(student, teacher).item()

    def test_everything_ignored_is_zero_and_finite(self):
        student = outputs(3, seed=1, requires_grad=True)
        everywhere = torch.full((2, 1, *student.logits[0].shape[2:]), 3.0)
        loss = LogitDistillation(LabelScheme(3, ignore_label=3))(student, outputs(3, seed=2), [everywhere])
        loss.backward()
        assert loss.item() == 0.0
        assert (student.logits[0].grad == 0).all()

    def test_weights_of_voxels_by_hand(self):
        teacher = voxels((0.0, math.log(3)), (0.0, 0.0), (0.0, math.log(3)))
        mask = torch.tensor([1.0, 1.0, 0.5]).view(1, 1, 1, 3)
        student = of_logits(torch.zeros_like(teacher))
        loss = LogitDistillation(TWO, temperature=1.0)(student, of_logits(teacher, mask=mask))
        assert loss.item() == pytest.approx(1.5 * ONE_VOXEL / 2.5, rel=1e-6)

    @pytest.mark.parametrize("scheme", [LABELS, REGIONS])
    def test_unknown_logits_may_be_anything(self, scheme):
        student, teacher = outputs(3, seed=1, requires_grad=True), outputs(3, seed=2)
        known = torch.rand(2, 1, *student.logits[0].shape[2:], generator=torch.Generator().manual_seed(4)) < 0.5
        sparse = Outputs([teacher.logits[0].masked_fill(~known, float("nan"))], mask=known)
        loss = LogitDistillation(scheme)(student, sparse)
        loss.backward()
        filled = Outputs([teacher.logits[0].masked_fill(~known, 7.0)], mask=known)
        assert loss.item() == LogitDistillation(scheme)(student, filled).item()
        assert torch.isfinite(student.logits[0].grad).all()

    def test_mask_and_ignore_label_are_both_obeyed(self):
        teacher = voxels((0.0, math.log(3)), (0.0, math.log(3)), (0.0, 0.0))
        mask = torch.tensor([True, False, True]).view(1, 1, 1, 3)
        labels = torch.tensor([2.0, 0.0, 1.0]).view(1, 1, 1, 3)
        loss = LogitDistillation(LabelScheme(2, ignore_label=2), temperature=1.0)
        assert loss(of_logits(torch.zeros_like(teacher)), of_logits(teacher, mask=mask), [labels]).item() == 0.0


class TestHeads:
    def test_nnunet_weights_by_hand(self):
        assert deep_supervision_weights(5) == pytest.approx((8 / 15, 4 / 15, 2 / 15, 1 / 15, 0))
        assert deep_supervision_weights(1) == (1.0,)
        with pytest.raises(ValueError, match="at least 1"):
            deep_supervision_weights(0)

    def test_weighted_sum_of_all(self):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        single = LogitDistillation(LABELS)
        each = [single(of_logits(s), of_logits(t)).item() for s, t in zip(student.logits, teacher.logits, strict=True)]
        loss = LogitDistillation(LABELS, heads="all", head_weights=(0.75, 0.25))(student, teacher)
        assert loss.item() == pytest.approx(0.75 * each[0] + 0.25 * each[1], rel=1e-6)
        assert single(student, teacher).item() == pytest.approx(each[0], rel=1e-6)

    def test_a_head_of_weight_0_is_not_touched(self):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        student.logits[1].fill_(float("nan"))
        assert LogitDistillation(LABELS, heads="all", head_weights=(1.0, 0.0))(student, teacher).isfinite()

    def test_other_number_of_heads(self):
        with pytest.raises(AgreementError, match=r"2 heads in both networks.*1 of the student"):
            LogitDistillation(LABELS, heads="all", head_weights=(0.5, 0.5))(of_logits(outputs(3).logits[0]), outputs(3))

    @pytest.mark.parametrize("weights", [(), (0.0, 0.0), (1.0, -1.0)])
    def test_impossible_weights(self, weights):
        with pytest.raises(ValueError, match="head_weights"):
            LogitDistillation(LABELS, heads="all", head_weights=weights)

    def test_other_classes_and_other_shapes(self):
        with pytest.raises(AgreementError, match="4 channels"):
            LogitDistillation(LabelScheme(4))(outputs(3), outputs(3))
        with pytest.raises(AgreementError, match="shape"):
            LogitDistillation(LABELS)(of_logits(outputs(3).logits[1]), outputs(3))

    def test_target_of_another_shape(self):
        scheme = LabelScheme(3, ignore_label=3)
        loss = LogitDistillation(scheme, heads="all", head_weights=(0.5, 0.5))
        with pytest.raises(TrainingDataError, match=r"head 1.*no target"):
            loss(outputs(3), outputs(3), target(3, scheme)[:1])
        with pytest.raises(TrainingDataError, match="head 0"):
            loss(outputs(3), outputs(3), target(3, scheme)[::-1])


class TestGradient:
    @pytest.mark.parametrize("scheme", [LABELS, REGIONS])
    @pytest.mark.parametrize("slab", [1, 100, 2**22])
    def test_finite_differences(self, scheme, slab, monkeypatch):
        monkeypatch.setattr(divergence, "SLAB_ELEMENTS", slab)
        generator = torch.Generator().manual_seed(0)
        student, teacher = (torch.randn(2, 3, 3, 2, 2, generator=generator, dtype=torch.float64) for _ in range(2))
        weight = torch.rand(2, 1, 3, 2, 2, generator=generator, dtype=torch.float64)
        loss = LogitDistillation(scheme, temperature=1.5)
        assert torch.autograd.gradcheck(lambda z: loss(of_logits(z), of_logits(teacher, mask=weight)), student.requires_grad_())

    @pytest.mark.parametrize("scheme", [LABELS, REGIONS])
    def test_slabs_do_not_change_the_value(self, scheme, monkeypatch):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        whole = LogitDistillation(scheme)(student, teacher).item()
        monkeypatch.setattr(divergence, "SLAB_ELEMENTS", 1)
        assert LogitDistillation(scheme)(student, teacher).item() == pytest.approx(whole, rel=1e-6)

    def test_nothing_is_kept_without_a_gradient(self):
        with torch.no_grad():
            assert not LogitDistillation(LABELS)(outputs(3, requires_grad=True), outputs(3, seed=1)).requires_grad

    def test_keeps_one_tensor_of_the_logits_size_and_precision(self):
        saved = []
        student = outputs(3, seed=1, dtype=torch.float16, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
            LogitDistillation(LABELS)(student, outputs(3, seed=2, dtype=torch.float16))
        large = [t for t in saved if t.numel() >= student.logits[0].numel()]
        assert [(t.shape, t.dtype) for t in large] == [(student.logits[0].shape, torch.float16)]
