"""MS-SARD: attention, class masks, by hand and against loops written from the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdseg.errors import AgreementError, TrainingDataError
from kdseg_testing.distillation_tensors import of_features, outputs, target
from kdseg_training.distillation.losses.attention import attention_maps
from kdseg_training.distillation.losses.class_mask import class_masks
from kdseg_training.distillation.losses.region_aware import RegionAware
from kdseg_training.distillation.outputs import LabelScheme

STAGE = "encoder.stages.0"
TWO = LabelScheme(2)


def row(*values: float) -> torch.Tensor:
    """One channel over a row of voxels, (1, 1, 1, V)."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


class TestAttention:
    def test_by_hand(self):
        """Two channels, two voxels: strengths (ln 3)/2 and 0 at temperature ½ become ¾ and ¼, times their number 2."""
        half = math.log(3) / 2
        features = torch.tensor([[[2 * half, 0.0], [0.0, 0.0]]])
        spatial, channel = attention_maps(features, 0.5)
        torch.testing.assert_close(spatial, torch.tensor([[1.5, 0.5]]))
        torch.testing.assert_close(channel, torch.tensor([[1.5, 0.5]]))

    def test_mean_is_one_and_the_sign_does_not_matter(self):
        features = torch.randn(2, 5, 30, generator=torch.Generator().manual_seed(0))
        for ours, flipped in zip(attention_maps(features, 0.5), attention_maps(-features, 0.5), strict=True):
            torch.testing.assert_close(ours.mean(dim=1), torch.ones(2))
            assert torch.equal(ours, flipped)


class TestClassMasks:
    def test_every_class_present_weighs_one(self):
        """Background 3 voxels, class 1 two, class 2 one, class 3 none; one voxel ignored."""
        labels = torch.tensor([[[[0, 0, 0, 1, 1, 2, 4]]]])
        foreground, background = class_masks(labels, LabelScheme(4, ignore_label=4), torch.float64)
        torch.testing.assert_close(foreground, torch.tensor([[0, 0, 0, 0.5, 0.5, 1, 0]], dtype=torch.float64))
        torch.testing.assert_close(background, torch.tensor([[1, 1, 1, 0, 0, 0, 0]], dtype=torch.float64) / 3)

    def test_background_is_no_class(self):
        """In the published code it is, and then M covers every voxel and B none."""
        labels = target(3, LabelScheme(3))[0]
        foreground, background = class_masks(labels, LabelScheme(3), torch.float32)
        is_background = labels.flatten(1) == 0
        assert (foreground[is_background] == 0).all()
        assert (background[is_background] > 0).all()
        assert ((foreground > 0) ^ (background > 0)).all()

    def test_counts_are_of_each_sample(self):
        labels = torch.tensor([[[[1, 0]]], [[[1, 1]]]])
        foreground, background = class_masks(labels, TWO, torch.float32)
        assert foreground.tolist() == [[1, 0], [0.5, 0.5]]
        assert background.tolist() == [[0, 1], [0, 0]]

    def test_regions_may_overlap(self):
        """Region 0 on three voxels, region 1 on one of them; the last voxel is ignored."""
        regions = torch.tensor([[[1, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1]]]).view(1, 3, 1, 6)
        scheme = LabelScheme(2, regions=True, ignore_label=3)
        foreground, background = class_masks(regions, scheme, torch.float64)
        third = 1 / 3
        expected = torch.tensor([[third, third, third + 1, 0, 0, 0]], dtype=torch.float64)
        torch.testing.assert_close(foreground, expected)
        assert background.tolist() == [[0, 0, 0, 0.5, 0.5, 0]]

    @pytest.mark.parametrize("regions", [False, True])
    def test_target_of_another_scheme(self, regions):
        with pytest.raises(TrainingDataError, match=r"Expected: (1|3) channels. Found: 5"):
            class_masks(torch.zeros(1, 5, 2, 2), LabelScheme(3, regions=regions), torch.float32)


class TestByHand:
    """One channel, two voxels: background and a structure. Teacher (0, ln 3 / 2), student (1, ln 3 / 2 − 2).

    The teacher's spatial attention is (½, 1½), and the differences are 1 and −2.
    """

    half = math.log(3) / 2
    labels = (torch.tensor([[[[0, 1]]]]),)

    def loss(self, student: torch.Tensor, labels=None, **factors: float) -> float:
        settings = {"foreground": 0.0, "background": 0.0, "attention": 0.0, **factors}
        module = RegionAware(TWO, [STAGE], **settings)
        return module(of_features(student), of_features(row(0.0, self.half)), labels or self.labels).item()

    def test_foreground(self):
        assert self.loss(row(1.0, self.half - 2), foreground=1.0) == pytest.approx(4 * 1.5)

    def test_background(self):
        assert self.loss(row(1.0, self.half - 2), background=1.0) == pytest.approx(1 * 0.5)

    def test_attention(self):
        """The student's attention is the teacher's, swapped; with one channel that of channels is 1 in both."""
        assert self.loss(row(self.half, 0.0), attention=1.0) == pytest.approx(1.0)

    def test_sum_of_the_parts(self):
        student = row(1.0, self.half - 2)
        parts = [self.loss(student, **{name: 1.0}) for name in ("foreground", "background", "attention")]
        assert self.loss(student, foreground=2.0, background=3.0, attention=5.0) == pytest.approx(
            2 * parts[0] + 3 * parts[1] + 5 * parts[2]
        )

    def test_nothing_but_background(self):
        only = (torch.tensor([[[[0, 0]]]]),)
        assert self.loss(row(1.0, self.half - 2), only, foreground=1.0) == 0
        assert self.loss(row(1.0, self.half - 2), only, background=1.0) == pytest.approx((0.5 * 1 + 1.5 * 4) / 2)

    def test_nothing_but_a_structure(self):
        only = (torch.tensor([[[[1, 1]]]]),)
        assert self.loss(row(1.0, self.half - 2), only, background=1.0) == 0
        assert self.loss(row(1.0, self.half - 2), only, foreground=1.0) == pytest.approx((0.5 * 1 + 1.5 * 4) / 2)


def by_loops(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """The formulas, voxel by voxel, for features (N, C, V) and labels (N, V); labels from ``classes`` on are ignored."""

    def softmax(x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max())
        return e / e.sum()

    samples, channels, voxels = student.shape
    losses = []
    for n in range(samples):
        sums, weights = {"M": 0.0, "B": 0.0}, {"M": 0.0, "B": 0.0}
        maps = []
        for f in (student[n], teacher[n]):
            maps.append((voxels * softmax(abs(f).mean(0) / 0.5), channels * softmax(abs(f).mean(1) / 0.5)))
        attention = abs(maps[0][0] - maps[1][0]).mean() + abs(maps[0][1] - maps[1][1]).mean()
        for v in range(voxels):
            label = labels[n, v]
            if label >= classes:
                continue
            which, weight = ("B" if label == 0 else "M"), 1 / (labels[n] == label).sum()
            weights[which] += weight
            for c in range(channels):
                error = (student[n, c, v] - teacher[n, c, v]) ** 2
                sums[which] += error * maps[1][0][v] * maps[1][1][c] * weight
        losses.append(attention + sum(sums[k] / (channels * weights[k]) for k in ("M", "B")))
    return float(np.mean(losses))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("scheme", [LabelScheme(4), LabelScheme(4, ignore_label=4)])
def test_against_loops(dimension, scheme):
    student, teacher = (outputs(dimension, seed=s, dtype=torch.float64) for s in (1, 2))
    labels = target(dimension, scheme)
    loss = RegionAware(scheme, [STAGE])(student, teacher, labels).item()
    flat = [o.features[STAGE].flatten(2).numpy() for o in (student, teacher)]
    assert loss == pytest.approx(by_loops(*flat, labels[0].flatten(1).numpy(), 4), rel=1e-9)


def test_coarser_stages_take_the_nearest_label():
    scheme, name = LabelScheme(3), "encoder.stages.1"
    student, teacher = (outputs(3, seed=s, dtype=torch.float64) for s in (1, 2))
    labels = target(3, scheme)
    loss = RegionAware(scheme, [name])(student, teacher, labels).item()
    nearest = labels[0][:, :, 1::2, 1::2, 1::2].flatten(1).numpy()
    flat = [o.features[name].flatten(2).numpy() for o in (student, teacher)]
    assert loss == pytest.approx(by_loops(*flat, nearest, 3), rel=1e-9)


def test_stages_weigh_less_the_deeper_they_are():
    """2^(−1.2 k), scaled to the sum 1."""
    names = [f"encoder.stages.{k}" for k in range(3)]
    module = RegionAware(LabelScheme(3), names)
    raw = [1.0, 2**-1.2, 2**-2.4]
    assert list(module.stage_weights.values()) == pytest.approx([w / sum(raw) for w in raw])
    student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2), target(3, LabelScheme(3))
    each = [RegionAware(LabelScheme(3), [name])(student, teacher, labels).item() for name in names]
    expected = sum(w * e for w, e in zip(raw, each, strict=True)) / sum(raw)
    assert module(student, teacher, labels).item() == pytest.approx(expected, rel=1e-5)


def test_ignored_voxels_have_no_label():
    """A voxel whose label becomes the ignore label counts neither inside nor outside."""
    scheme = LabelScheme(3, ignore_label=3)
    student, teacher = outputs(2, seed=1), outputs(2, seed=2)
    module = RegionAware(scheme, [STAGE], attention=0.0)
    everywhere = torch.full((2, 1, 12, 8), 3.0)
    assert module(student, teacher, [everywhere]).item() == 0
    half = everywhere.clone()
    half[:, :, :6] = target(2, LabelScheme(3))[0][:, :, :6]
    moved = outputs(2, seed=1)
    moved.features[STAGE][:, :, 6:] += 3.0  # where everything is ignored
    assert module(moved, teacher, [half]).item() == module(student, teacher, [half]).item() > 0


def test_finite_differences():
    student, teacher = (outputs(2, seed=s, dtype=torch.float64, samples=1) for s in (1, 2))
    module = RegionAware(LabelScheme(3), ["encoder.stages.2"])
    labels = target(2, LabelScheme(3), samples=1)
    start = student.features["encoder.stages.2"].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: module(of_features(f, "encoder.stages.2"), teacher_like(teacher, "encoder.stages.2"), labels), start
    )


def teacher_like(teacher, name):
    return of_features(teacher.features[name], name)


def test_other_channels_need_an_adapter():
    with pytest.raises(AgreementError, match=r"encoder.stages.0.*adapter"):
        RegionAware(TWO, [STAGE])(outputs(3, first=2), outputs(3, first=4), target(3, TWO))


def test_features_that_nobody_tapped():
    student, teacher = outputs(3), outputs(3, seed=1)
    del teacher.features[STAGE]
    with pytest.raises(AgreementError, match=r"missing.*none of the teacher"):
        RegionAware(TWO, [STAGE])(student, teacher, target(3, TWO))


def test_target_of_another_batch():
    with pytest.raises(TrainingDataError, match="2 samples"):
        RegionAware(TWO, [STAGE])(outputs(3), outputs(3), target(3, TWO, samples=1))


@pytest.mark.parametrize("stages", [[], [STAGE, STAGE]])
def test_no_stage_or_one_twice(stages):
    with pytest.raises(ValueError, match="at least one and none twice"):
        RegionAware(TWO, stages)
