"""Kernel matching by hand, and against pairwise kernels."""

from __future__ import annotations

import math

import pytest
import torch

from kdseg_testing.distillation_tensors import of_features, outputs
from kdseg_training.distillation.losses.kernel import KernelMatching, squared_distances
from kdseg_training.distillation.losses.tokens import tokens_of

STAGE = "encoder.stages.0"

STUDENT = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 2, 1, 2)
TEACHER = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 2, 1, 2)
"""Two voxels are two tokens. F Fᵀ / 2 is diag(1, 0) for the student and diag(½, ½) for the teacher."""


def loss(student: torch.Tensor = STUDENT, **settings: object) -> float:
    return KernelMatching([STAGE], **settings)(of_features(student), of_features(TEACHER)).item()


def test_linear_by_hand():
    assert loss() == pytest.approx((0.25 + 0.25) / 4)


def test_polynomial_by_hand():
    """(G + 1)³: diagonals 8, 1 and 27/8, 27/8; ones elsewhere."""
    expected = ((8 - 27 / 8) ** 2 + (1 - 27 / 8) ** 2) / 4
    assert loss(kernel="polynomial", degree=3) == pytest.approx(expected)
    assert loss(kernel="polynomial", degree=2, offset=0.0) == pytest.approx(((1 - 0.25) ** 2 + 0.25**2) / 4)


def test_gaussian_by_hand():
    """The distance of the two channels is 1 in both networks, so the kernels are equal; another student has 4/10."""
    assert loss(kernel="gaussian") == pytest.approx(0, abs=1e-12)
    student = torch.tensor([[3.0, 3.0], [1.0, 1.0]]).view(1, 2, 1, 2)  # unit vectors (3, 1) / √10: distance (2 / √10)²
    expected = 2 * (math.exp(-0.4 / 2) - math.exp(-1 / 2)) ** 2 / 4
    assert loss(student, kernel="gaussian") == pytest.approx(expected, rel=1e-5)
    expected = 2 * (math.exp(-0.4 / 6) - math.exp(-1 / 6)) ** 2 / 4
    assert loss(student, kernel="gaussian", bandwidth=3.0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dimension", [2, 3])
def test_gaussian_against_pairwise_distances(dimension):
    student, teacher = (outputs(dimension, seed=s, dtype=torch.float64) for s in (1, 2))
    name = "encoder.stages.1"
    module = KernelMatching([name], kernel="gaussian", tokens_per_axis=4)
    kernels = []
    tokens = [tokens_of(o.features[name], 4) for o in (student, teacher)]
    distances = [torch.cdist(f, f).square() / f.shape[2] for f in tokens]
    off_diagonal = ~torch.eye(4, dtype=torch.bool)
    for d in distances:
        width = torch.stack([t[off_diagonal].mean() for t in distances[1]])
        kernels.append(torch.exp(-d / (2 * width[:, None, None])))
    expected = (kernels[0] - kernels[1]).square().mean()
    torch.testing.assert_close(module(student, teacher), expected)


def test_squared_distances():
    features = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(squared_distances(features @ features.mT), torch.cdist(features, features).square())


@pytest.mark.parametrize("kernel", ["linear", "polynomial", "gaussian"])
def test_finite_differences(kernel):
    name = "encoder.stages.1"
    student, teacher = (outputs(2, seed=s, dtype=torch.float64, samples=1) for s in (1, 2))
    module = KernelMatching([name], kernel=kernel, tokens_per_axis=2)
    start, theirs = student.features[name].requires_grad_(), of_features(teacher.features[name], name)
    assert torch.autograd.gradcheck(lambda f: module(of_features(f, name), theirs), start)


def test_one_channel_has_no_distances():
    features = of_features(torch.randn(2, 1, 4, 4))
    assert KernelMatching([STAGE], kernel="gaussian")(features, of_features(torch.randn(2, 1, 4, 4))).item() == 0


@pytest.mark.parametrize("settings", [{"tokens_per_axis": 0}, {"degree": 0}, {"bandwidth": 0.0}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match="tokens_per_axis, degree, bandwidth"):
        KernelMatching([STAGE], **settings)
