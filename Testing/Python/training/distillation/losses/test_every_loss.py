"""What every loss promises, each in 2-D and 3-D."""

from __future__ import annotations

import pytest
import torch

from kdseg_testing.distillation_tensors import STAGES, channels, outputs, sample, target, tensors_of, twice
from kdseg_training.distillation.losses.affinity import AdaptiveAffinity
from kdseg_training.distillation.losses.base import DistillationTerm
from kdseg_training.distillation.losses.context_aware import ChannelAffinity, ContextAware
from kdseg_training.distillation.losses.kernel import KernelMatching
from kdseg_training.distillation.losses.logits import LogitDistillation
from kdseg_training.distillation.losses.region_aware import RegionAware
from kdseg_training.distillation.losses.soft_dice import SoftDice
from kdseg_training.distillation.outputs import LabelScheme, Outputs

SCHEMES = {
    "labels": LabelScheme(3),
    "labels, some ignored": LabelScheme(3, ignore_label=3),
    "regions": LabelScheme(3, regions=True),
    "regions, some ignored": LabelScheme(3, regions=True, ignore_label=4),
}
LOSSES = {
    "logits": LogitDistillation,
    "logits of all heads": lambda scheme: LogitDistillation(scheme, heads="all", head_weights=(0.7, 0.3)),
    "soft Dice": lambda scheme: SoftDice(scheme, heads="all", head_weights=(0.7, 0.3)),
    "soft Dice of the batch": lambda scheme: SoftDice(scheme, batch=True),
    "region-aware": lambda scheme: RegionAware(scheme, STAGES),
    "context-aware": lambda scheme: ContextAware(channels(2)),
    "channel affinity": lambda scheme: ChannelAffinity(STAGES),
    "affinity": lambda scheme: AdaptiveAffinity(scheme, STAGES, tokens_per_axis=4),
    "linear kernel": lambda scheme: KernelMatching(STAGES, tokens_per_axis=4),
    "polynomial kernel": lambda scheme: KernelMatching(STAGES, kernel="polynomial", tokens_per_axis=4),
    "Gaussian kernel": lambda scheme: KernelMatching(STAGES, kernel="gaussian", tokens_per_axis=4),
}
OF_LABELS = {"region-aware", "affinity"}


@pytest.fixture(params=LOSSES)
def name(request) -> str:
    return request.param


@pytest.fixture(params=SCHEMES)
def scheme(request) -> LabelScheme:
    return SCHEMES[request.param]


@pytest.fixture(params=[2, 3])
def dimension(request) -> int:
    return request.param


def module(name: str, scheme: LabelScheme = SCHEMES["labels"]) -> DistillationTerm:
    return LOSSES[name](scheme)


def test_a_number_above_zero(name, scheme, dimension):
    loss = module(name, scheme)(outputs(dimension, seed=1), outputs(dimension, seed=2), target(dimension, scheme))
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert loss.item() > 0


def test_identical_networks_give_zero(name, scheme, dimension):
    same = outputs(dimension)
    assert module(name, scheme)(same, same, target(dimension, scheme)).item() == 0.0


def test_gradients_reach_the_student_only(name, dimension):
    loss = module(name)
    student, teacher = (outputs(dimension, seed=s, requires_grad=True) for s in (1, 2))
    loss(student, teacher, target(dimension, LabelScheme(3))).backward()
    assert all(tensor.grad is None for tensor in tensors_of(teacher))
    reached = [student.features[stage].grad for stage in loss.stage_names] or [student.logits[0].grad]
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in reached)


def test_a_step_along_the_gradient_comes_closer(name, dimension):
    student, teacher = outputs(dimension, seed=1, requires_grad=True), outputs(dimension, seed=2)
    loss, labels = module(name), target(dimension, LabelScheme(3))
    before = loss(student, teacher, labels)
    before.backward()
    with torch.no_grad():
        gradients = [(tensor, tensor.grad) for tensor in tensors_of(student) if tensor.grad is not None]
        slope = sum(gradient.square().sum() for _, gradient in gradients)
        for tensor, gradient in gradients:
            tensor -= 0.05 * before / slope * gradient
    assert loss(student, teacher, labels).item() == pytest.approx(0.95 * before.item(), rel=0.02)


def test_a_batch_twice_is_the_same(name, scheme, dimension):
    student, teacher, labels = outputs(dimension, seed=1), outputs(dimension, seed=2), target(dimension, scheme)
    loss = module(name, scheme)
    doubled = loss(twice(student), twice(teacher), [torch.cat([t, t]) for t in labels])
    assert doubled.item() == pytest.approx(loss(student, teacher, labels).item(), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "soft Dice of the batch"], indirect=True)
def test_a_batch_is_the_mean_of_its_samples(name, dimension):
    """So a batch that is shared out to several processes has the gradient that it has in one."""
    student, teacher, labels = outputs(dimension, seed=1), outputs(dimension, seed=2), target(dimension, LabelScheme(3))
    loss = module(name)
    each = [
        loss(sample(student, n), sample(teacher, n), [t[n : n + 1] for t in labels]).item()
        for n in range(len(student.logits[0]))
    ]
    assert abs(each[0] - each[1]) > 1e-6 * each[0]
    assert loss(student, teacher, labels).item() == pytest.approx(sum(each) / 2, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_numbers_of_half_precision(name, dimension, dtype):
    """10⁴ is a legal float16; its square is not, and neither is a sum of seven."""
    student = outputs(dimension, seed=1, scale=1e4, dtype=dtype, requires_grad=True)
    teacher, labels = outputs(dimension, seed=2, scale=1e4, dtype=dtype), target(dimension, LabelScheme(3))
    loss = module(name)(student, teacher, labels)
    assert loss.dtype == torch.float32
    widened = Outputs([t.float() for t in student.logits], {k: t.float() for k, t in student.features.items()})
    wide = Outputs([t.float() for t in teacher.logits], {k: t.float() for k, t in teacher.features.items()})
    assert loss.isfinite()
    assert loss.item() == pytest.approx(module(name)(widened, wide, labels).item(), rel=1e-5)
    loss.backward()
    gradients = [tensor.grad for tensor in tensors_of(student) if tensor.grad is not None]
    assert all(gradient.dtype == dtype and not gradient.isnan().any() for gradient in gradients)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_outside_does_not_reach_in(name, dtype):
    student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2), target(3, LabelScheme(3))
    loss = module(name)
    plain = loss(student, teacher, labels)
    with torch.autocast("cpu", dtype=dtype):
        inside = loss(student, teacher, labels)
    assert inside.dtype == torch.float32
    assert inside.item() == plain.item()


def test_a_teacher_in_inference_mode(name, dimension):
    """Autograd refuses to keep such tensors, so they are copied."""
    student = outputs(dimension, seed=1, requires_grad=True)
    with torch.inference_mode():
        teacher = outputs(dimension, seed=2)
    assert teacher.logits[0].is_inference()
    labels = target(dimension, LabelScheme(3))
    loss = module(name)
    value = loss(student, teacher, labels)
    value.backward()
    assert value.item() == loss(student, outputs(dimension, seed=2), labels).item()


def test_unlabelled(name, dimension):
    """Losses of labels are 0, and backward works all the same; the others do not care."""
    loss = module(name)
    student, teacher = outputs(dimension, seed=1, requires_grad=True), outputs(dimension, seed=2)
    value = loss(student, teacher, None)
    value.backward()
    assert loss.needs_labels == (name in OF_LABELS)
    if loss.needs_labels:
        assert value.item() == 0
        assert (student.logits[0].grad == 0).all()
    else:
        assert value.item() == loss(student, teacher, target(dimension, LabelScheme(3))).item() > 0


def test_zero_without_labels_is_never_nan():
    student = outputs(3)
    student.logits[0].fill_(float("inf"))
    assert module("region-aware")(student, outputs(3, seed=1), None).item() == 0


def test_inputs_are_left_as_they_were(name):
    student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2), target(3, LabelScheme(3))
    before = [tensor.clone() for tensor in (*tensors_of(student), *tensors_of(teacher), *labels)]
    module(name)(student, teacher, labels)
    after = [*tensors_of(student), *tensors_of(teacher), *labels]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
def test_any_memory_layout(name, layout):
    student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2), target(3, LabelScheme(3))
    loss = module(name)
    plain = loss(student, teacher, labels).item()
    for given in (student, teacher):
        given.logits[:] = [t.to(memory_format=layout) for t in given.logits]
        given.features.update({k: t.to(memory_format=layout) for k, t in given.features.items()})
    assert loss(student, teacher, labels).item() == pytest.approx(plain, rel=1e-5)
