"""Adaptive affinity: tokens, their labels, and the loss by hand and against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from kdseg.errors import TrainingDataError
from kdseg_testing.distillation_tensors import of_features, outputs, target
from kdseg_training.distillation.losses.affinity import AdaptiveAffinity
from kdseg_training.distillation.losses.resolution import at_resolution
from kdseg_training.distillation.losses.token_labels import same_label
from kdseg_training.distillation.losses.tokens import tokens_of, unit_vectors
from kdseg_training.distillation.outputs import LabelScheme

STAGE = "encoder.stages.0"
TWO = LabelScheme(2)


class TestTokens:
    def test_means_of_cells_by_hand(self):
        """Cells (1, 3) and (5, 7) of one channel, (0, 0) and (6, 2) of the other: means (2, 0) and (6, 4)."""
        features = torch.tensor([[[[1.0, 3.0, 5.0, 7.0]], [[0.0, 0.0, 6.0, 2.0]]]])
        tokens = tokens_of(features, 2)
        length = 52**0.5
        torch.testing.assert_close(tokens, torch.tensor([[[1.0, 6 / length], [0.0, 4 / length]]]))

    @pytest.mark.parametrize(("shape", "count"), [((8, 12, 8), 64), ((3, 12, 8), 48), ((12, 8), 16)])
    def test_no_more_tokens_than_voxels(self, shape, count):
        tokens = tokens_of(torch.randn(2, 5, *shape), 4)
        assert tokens.shape == (2, 5, count)
        torch.testing.assert_close(tokens.norm(dim=1), torch.ones(2, count))

    def test_a_vector_without_direction(self):
        vectors = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
        unit = unit_vectors(vectors, dim=1)
        unit.sum().backward()
        torch.testing.assert_close(unit, torch.tensor([[0.0, 0.0], [0.6, 0.8]]))
        assert (vectors.grad[0] == 0).all()
        assert vectors.grad.isfinite().all()

    def test_unit_vectors_finite_differences(self):
        vectors = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda v: unit_vectors(v, dim=1), vectors)


class TestResolution:
    @pytest.mark.parametrize("shape", [(8, 12, 8), (4, 6, 4), (5, 7, 3), (1, 1, 1), (16, 12, 9)])
    def test_as_nnunet_downsamples_its_targets(self, shape):
        labels = target(3, LabelScheme(7))[0]
        expected = functional.interpolate(labels, shape, mode="nearest-exact")
        assert torch.equal(at_resolution(labels, shape), expected)
        assert at_resolution(labels.short(), shape).dtype == torch.short

    def test_equal_shapes_are_not_copied(self):
        labels = target(3, TWO)[0]
        assert at_resolution(labels, labels.shape[2:]) is labels


class TestTokenLabels:
    def test_most_voxels_decide(self):
        """Cells (1 1 0) and (0 2 2) and (2 1 ignored): labels 1, 2 and, of a tie, the lower."""
        labels = torch.tensor([[[[1, 1, 0, 0, 2, 2, 2, 1, 3]]]])
        same, known = same_label(labels, LabelScheme(3, ignore_label=3), (1, 3))
        assert same[0].tolist() == [[True, False, True], [False, True, False], [True, False, True]]
        assert known.all()

    def test_nobody_knows(self):
        labels = torch.tensor([[[[1, 1, 3, 3]]]])
        _, known = same_label(labels, LabelScheme(3, ignore_label=3), (1, 2))
        assert known[0].tolist() == [[True, False], [False, False]]

    def test_cells_of_unequal_size(self):
        """Five voxels for two tokens: ⌊i · 2 / 5⌋ gives three and two."""
        same, _ = same_label(torch.tensor([[[[0, 1, 1, 0, 0]]]]), TWO, (1, 2))
        assert not same[0, 0, 1]

    @pytest.mark.parametrize("dimension", [2, 3])
    def test_against_blocks(self, dimension):
        labels = target(dimension, LabelScheme(3))[0]
        grid = (4,) * dimension
        same, _ = same_label(labels, LabelScheme(3), grid)
        blocks = labels[:, 0].long()
        for axis in range(dimension):
            blocks = blocks.unflatten(1 + 2 * axis, (4, -1))
        order = [0, *range(1, 2 * dimension, 2), *range(2, 2 * dimension + 1, 2)]
        votes = functional.one_hot(blocks.permute(order).reshape(2, 4**dimension, -1), 3).sum(2)
        label = votes.argmax(2)
        assert torch.equal(same, label[:, :, None] == label[:, None, :])

    def test_regions(self):
        """Region 0 holds ⅔ and all and ⅓ of three cells, region 1 none, none and none: 0 and 1 are alike, 2 is not."""
        regions = torch.tensor([[[1, 1, 0, 1, 1, 1, 1, 0, 0], [0] * 9]]).view(1, 2, 1, 9)
        same, known = same_label(regions, LabelScheme(2, regions=True), (1, 3))
        assert same[0].tolist() == [[True, True, False], [True, True, False], [False, False, True]]
        assert known.all()

    def test_ignored_voxels_of_regions(self):
        """Without its ignored voxels the first cell is all in region 0; of the second nothing is known."""
        regions = torch.tensor([[[1, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 1]]]).view(1, 2, 1, 6)
        scheme = LabelScheme(1, regions=True, ignore_label=2)
        same, known = same_label(regions, scheme, (1, 2))
        assert known[0].tolist() == [[True, False], [False, False]]
        assert same[0, 0, 0]

    def test_ignored_voxels_of_regions_do_not_vote(self):
        """Two ignored voxels of the first cell are in the region, its annotated one is not: like the second cell."""
        regions = torch.tensor([[[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]]]).view(1, 2, 1, 6)
        same, _ = same_label(regions, LabelScheme(1, regions=True, ignore_label=2), (1, 2))
        assert same.all()


def pair(angle: float) -> torch.Tensor:
    """Two voxels with unit vectors of two channels at an angle: affinity 1 with itself and cos(angle) with the other."""
    return torch.tensor([[1.0, np.cos(angle)], [0.0, np.sin(angle)]], dtype=torch.float64).view(1, 2, 1, 2)


class TestByHand:
    """Off the diagonal the affinities are cos 60° = ½ and cos 90° = 0: a difference of ½ in two of four pairs."""

    student, teacher = of_features(pair(np.pi / 3)), of_features(pair(np.pi / 2))

    def loss(self, labels: list[int], **settings: float) -> float:
        module = AdaptiveAffinity(TWO, [STAGE], **settings)
        return module(self.student, self.teacher, [torch.tensor(labels).view(1, 1, 1, 2)]).item()

    def test_pairs_of_different_label(self):
        """½ · mean over the two different pairs of ½ · ½²; the diagonal, of equal label, is 0."""
        assert self.loss([0, 1]) == pytest.approx(0.5 * 0.5 * 0.25)

    def test_pairs_of_equal_label(self):
        """½ · mean over four pairs, two of them 0; there is no different pair."""
        assert self.loss([1, 1]) == pytest.approx(0.5 * (2 * 0.5 * 0.25 / 4))

    def test_gamma(self):
        assert self.loss([0, 1], gamma=0.0) == pytest.approx(0.5 * 0.25)
        assert self.loss([0, 1], gamma=2.0) == pytest.approx(0.5 * 0.25 * 0.25)

    def test_the_weight_is_a_constant(self):
        """d/dA of ½ w (A − A^T)² with w constant: the gradient in A is w · d, not 3/2 of it."""
        angle = torch.tensor(np.pi / 3, dtype=torch.float64, requires_grad=True)
        features = torch.stack([torch.stack([torch.ones_like(angle), angle.cos()]), torch.stack([0 * angle, angle.sin()])])
        module = AdaptiveAffinity(TWO, [STAGE])
        module(of_features(features.view(1, 2, 1, 2)), self.teacher, [torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)]).backward()
        assert angle.grad.item() == pytest.approx(0.5 * 0.5 * 2 * 0.5 * -np.sin(np.pi / 3))


def by_loops(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray) -> float:
    """The formulas, pair by pair, for tokens (N, C, n) of unit length and token labels (N, n)."""
    losses = []
    for s, t, y in zip(student, teacher, labels, strict=True):
        errors: dict[bool, list[float]] = {True: [], False: []}
        for i in range(s.shape[1]):
            for j in range(s.shape[1]):
                difference = s[:, i] @ s[:, j] - t[:, i] @ t[:, j]
                errors[bool(y[i] == y[j])].append(abs(difference) ** 3)
        losses.append(0.5 * np.mean(errors[True]) + 0.5 * np.mean(errors[False]))
    return float(np.mean(losses))


@pytest.mark.parametrize("channels", [(2, 2), (2, 5)])
def test_against_loops(channels):
    """Whatever the numbers of channels: no adapter is needed."""
    name = "decoder.stages.0"  # 4 × 6 × 4 voxels
    student, teacher = (outputs(3, first=c, seed=s, dtype=torch.float64) for c, s in zip(channels, (1, 2), strict=True))
    labels = target(3, LabelScheme(3))
    loss = AdaptiveAffinity(LabelScheme(3), [name], tokens_per_axis=4)(student, teacher, labels).item()
    tokens = []
    for given in (student, teacher):
        pooled = functional.adaptive_avg_pool3d(given.features[name], 4).flatten(2)
        tokens.append((pooled / pooled.norm(dim=1, keepdim=True)).numpy())
    nearest = labels[0][:, 0, 1::2, 1::2, 1::2].long()
    cell = (torch.arange(6) * 4) // 6
    votes = torch.zeros(2, 4, 4, 4, 3, dtype=torch.long)
    for n, z, y, x in np.ndindex(*nearest.shape):
        votes[n, z, cell[y], x, nearest[n, z, y, x]] += 1
    assert loss == pytest.approx(by_loops(*tokens, votes.argmax(-1).flatten(1).numpy()), rel=1e-9)


def test_ignored_tokens_have_no_influence():
    scheme = LabelScheme(3, ignore_label=3)
    labels = target(2, LabelScheme(3))[0]
    labels[:, :, 6:] = 3
    student, teacher = outputs(2, seed=1), outputs(2, seed=2)
    module = AdaptiveAffinity(scheme, [STAGE], tokens_per_axis=4)
    before = module(student, teacher, [labels]).item()
    student.features[STAGE][:, :, 6:] *= -2.0
    assert module(student, teacher, [labels]).item() == pytest.approx(before, rel=1e-6)
    assert before > 0


def test_finite_differences():
    student, teacher = (outputs(2, seed=s, dtype=torch.float64, samples=1) for s in (1, 2))
    name = "encoder.stages.1"
    module = AdaptiveAffinity(TWO, [name], gamma=0.0)  # with γ > 0 the weight is a constant, which differences do not see
    labels = target(2, TWO, samples=1)
    start, theirs = student.features[name].requires_grad_(), of_features(teacher.features[name], name)
    assert torch.autograd.gradcheck(lambda f: module(of_features(f, name), theirs, labels), start)


def test_an_empty_target():
    with pytest.raises(TrainingDataError, match="no label map"):
        AdaptiveAffinity(TWO, [STAGE])(outputs(3), outputs(3), [])


@pytest.mark.parametrize("settings", [{"gamma": -1.0}, {"tokens_per_axis": 0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match="gamma, tokens_per_axis"):
        AdaptiveAffinity(TWO, [STAGE], **settings)
