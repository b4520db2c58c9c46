"""MS-CA: context blocks that learn, and channel affinities."""

from __future__ import annotations

import math

import pytest
import torch

from kdseg_testing.distillation_tensors import channels, of_features, outputs
from kdseg_training.distillation.losses.context_aware import ChannelAffinity, ContextAware, ContextBlock
from kdseg_training.distillation.losses.gram import cosines, gram_matrix

STAGE = "encoder.stages.1"


def plain_error(student, teacher) -> float:
    return (student.features[STAGE] - teacher.features[STAGE]).square().mean().item()


class TestContextBlock:
    def test_adds_nothing_at_first(self):
        assert (ContextBlock(6)(torch.randn(2, 6, 10)) == 0).all()

    def test_by_hand(self):
        """w picks voxel weights ¼ and ¾, so GC(F) = (0·¼ + 4·¾, 8·¼ + 0·¾) = (3, 2).

        Each is then taken twice, normed to ±1, and the ReLU leaves (1, 0, 1, 0).
        """
        block = ContextBlock(2).double()
        first, norm, _, last = block.transform
        with torch.no_grad():
            block.where.weight.copy_(torch.tensor([[[0.0], [-math.log(3) / 8]]]))
            block.where.bias.fill_(5.0)  # softmax does not see it
            first.weight.copy_(torch.eye(2).repeat(2, 1)[..., None])
            first.bias.zero_()
            last.weight.copy_(torch.tensor([[2.0, 7.0, 0.5, 7.0], [-3.0, 7.0, 0.0, 7.0]])[..., None])
            last.bias.copy_(torch.tensor([0.5, 0.0]))
        features = torch.tensor([[[0.0, 4.0], [8.0, 0.0]]], dtype=torch.float64)
        normed = 0.5 / math.sqrt(0.25 + norm.eps)  # (3 − 2.5) / √(variance ¼ + ε)
        expected = torch.tensor([[[2.5 * normed + 0.5], [-3 * normed]]], dtype=torch.float64)
        torch.testing.assert_close(block(features), expected)

    @pytest.mark.parametrize("count", [1, 2, 3, 320])
    def test_any_number_of_channels(self, count):
        block = ContextBlock(count)
        with torch.no_grad():
            block.transform[-1].weight.fill_(1.0)
        added = block(torch.randn(2, count, 7, generator=torch.Generator().manual_seed(0)))
        assert added.shape == (2, count, 1)
        assert added.isfinite().all()


class TestContextAware:
    def test_starts_as_the_plain_error(self):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        loss = ContextAware({STAGE: channels(2)[STAGE]})(student, teacher)
        assert loss.item() == pytest.approx(plain_error(student, teacher), rel=1e-6)

    def test_does_not_stay_the_plain_error(self):
        """The blocks of both sides learn: the last layers in the first step, all others from the second on."""
        module = ContextAware({STAGE: channels(2)[STAGE]})
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        start = {name: value.clone() for name, value in module.state_dict().items()}
        for step in (1, 2):
            optimizer.zero_grad()
            module(student, teacher).backward()
            optimizer.step()
            changed = {name for name, value in module.state_dict().items() if not torch.equal(value, start[name])}
            if step == 1:
                assert changed == {name for name in start if ".transform.3." in name}
        # the bias of the softmax moves all voxels alike, which changes nothing
        assert changed == {name for name in start if not name.endswith("where.bias")}
        assert abs(module(student, teacher).item() - plain_error(student, teacher)) > 1e-3

    def test_identical_features_are_zero_at_first(self):
        same = outputs(3)
        assert ContextAware({STAGE: channels(2)[STAGE]})(same, same).item() == 0.0

    def test_finite_differences(self):
        student, teacher = (outputs(2, seed=s, dtype=torch.float64, samples=1) for s in (1, 2))
        module = ContextAware({STAGE: channels(2)[STAGE]}).double()
        with torch.no_grad():
            for blocks in (module.student_blocks, module.teacher_blocks):
                for block in blocks.values():
                    torch.nn.init.normal_(block.transform[-1].weight, generator=torch.Generator().manual_seed(0))
        start = student.features[STAGE].requires_grad_()
        theirs = of_features(teacher.features[STAGE], STAGE)
        assert torch.autograd.gradcheck(lambda f: module(of_features(f, STAGE), theirs), start)


class TestChannelAffinity:
    def test_by_hand(self):
        """Student channels at 45°, the teacher's at 90°: cosines differ by √½ off the diagonal, two of four elements."""
        student = torch.tensor([[1.0, 0.0], [5.0, 5.0]]).view(1, 2, 1, 2)
        teacher = torch.tensor([[0.0, 3.0], [2.0, 0.0]]).view(1, 2, 1, 2)
        loss = ChannelAffinity([STAGE])(of_features(student, STAGE), of_features(teacher, STAGE))
        assert loss.item() == pytest.approx(0.5 * 0.5)

    def test_size_of_a_channel_does_not_matter(self):
        student, teacher = outputs(3, seed=1), outputs(3, seed=2)
        module = ChannelAffinity([STAGE])
        before = module(student, teacher).item()
        sizes = torch.tensor([1.0, 10.0, 0.1, 3.0])[:, None, None, None]
        student.features[STAGE] = student.features[STAGE] * sizes
        assert module(student, teacher).item() == pytest.approx(before, rel=1e-4)

    def test_has_no_parameters(self):
        assert not list(ChannelAffinity([STAGE]).parameters())

    def test_finite_differences(self):
        student, teacher = (outputs(2, seed=s, dtype=torch.float64, samples=1) for s in (1, 2))
        module = ChannelAffinity([STAGE])
        start, theirs = student.features[STAGE].requires_grad_(), of_features(teacher.features[STAGE], STAGE)
        assert torch.autograd.gradcheck(lambda f: module(of_features(f, STAGE), theirs), start)


class TestGram:
    def test_by_hand(self):
        features = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]])
        assert gram_matrix(features).tolist() == [[[2.5, 0.5], [0.5, 5.0]]]

    def test_cosines_against_torch(self):
        features = torch.randn(2, 5, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        expected = torch.nn.functional.cosine_similarity(features[:, :, None], features[:, None, :], dim=3)
        torch.testing.assert_close(cosines(gram_matrix(features)), expected)

    def test_a_channel_that_is_zero_everywhere(self):
        features = torch.tensor([[[1.0, 2.0], [0.0, 0.0]]], requires_grad=True)
        cosine = cosines(gram_matrix(features))
        cosine.sum().backward()
        torch.testing.assert_close(cosine, torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
        assert features.grad.isfinite().all()
