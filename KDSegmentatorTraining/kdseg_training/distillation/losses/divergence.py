"""Kullback–Leibler divergence of class probabilities, and its gradient, a slab of voxels at a time.

With a hundred classes the logits are by far the largest tensors of a step. Left to autograd, a divergence keeps two more of
their size in float32 for the backward pass, and makes several on the way. The gradient is known, though: the difference of
the probabilities. So it is computed together with the value, and kept once, in the logits' own precision.
"""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple, Optional, Tuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from kdseg_training.distillation.losses.base import positive, widened

SLAB_ELEMENTS = 2**22
"""About how many logits are widened at a time: 16 MiB of float32 in each temporary tensor."""

Slab = Tuple[slice, slice, slice]


def mean_divergence(student: Tensor, teacher: Tensor, weight: Optional[Tensor], *, temperature: float, regions: bool) -> Tensor:
    """Return the divergence from the teacher's to the student's probabilities, as a mean over voxels.

    ::

        Σ_v w_v KL_v / Σ_v w_v,      KL_v = Σ_c p^T_cv (log p^T_cv − log p^S_cv),      p = softmax_c(z / T)

    or for regions the sum over channels of the divergence of two Bernoulli distributions with p = σ(z / T). Its gradient in the
    student's logit is (p^S − p^T) · w_v / (T · Σ w). It can be differentiated once.

    Parameters
    ----------
    student, teacher
        Logits (N, C, *spatial), of any precision. Nothing flows back into the teacher's.
    weight
        w, (N, 1, *spatial), float; None for 1 everywhere. Where it is 0 the teacher's logits may be anything. If it is 0
        everywhere, so is the result.
    temperature
        T.
    regions
        Sigmoid rather than softmax.

    Returns
    -------
    Tensor
        Scalar, float32, or float64 for float64 logits.
    """
    mean: Tensor = cast(Any, _MeanDivergence).apply(student, teacher, weight, _Form(temperature, regions))
    return mean


class _Form(NamedTuple):
    temperature: float
    regions: bool


class _MeanDivergence(torch.autograd.Function):
    """See :func:`mean_divergence`."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, weight: Optional[Tensor], form: _Form) -> Tensor:
        gradient = torch.empty_like(student) if ctx.needs_input_grad[0] else None
        divergence = _binary if form.regions else _categorical
        sums = []
        for slab in _slabs(student):
            ours, theirs = (widened(logits[slab]) / form.temperature for logits in (student, teacher))
            factor = None if weight is None else weight[slab]
            if factor is not None:  # 0 · NaN is NaN
                theirs = torch.where(factor > 0, theirs, theirs.new_zeros(()))
            values, slope = divergence(ours, theirs)
            sums.append(values.sum() if factor is None else (values * factor).sum())
            if gradient is not None:
                gradient[slab] = slope if factor is None else slope * factor
        value = torch.stack(sums).sum()
        size = value.new_tensor(student.numel() // student.shape[1]) if weight is None else positive(weight.sum())
        ctx.temperature = form.temperature
        if gradient is not None:
            ctx.save_for_backward(gradient, size)
        return value / size

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tuple[Tensor, None, None, None]:
        gradient, size = ctx.saved_tensors
        return gradient * (upstream / (size * ctx.temperature)), None, None, None


def _slabs(logits: Tensor) -> Iterator[Slab]:
    """Yield slices of samples, channels and the first spatial axis."""
    thickness = max(1, SLAB_ELEMENTS // max(1, logits[0, :, 0].numel()))
    for sample in range(logits.shape[0]):
        for start in range(0, logits.shape[2], thickness):
            yield slice(sample, sample + 1), slice(None), slice(start, start + thickness)


def _categorical(student: Tensor, teacher: Tensor) -> Tuple[Tensor, Tensor]:
    """Return KL of softmax over axis 1, (N, 1, *spatial), and p^S − p^T."""
    log_ours, log_theirs = functional.log_softmax(student, dim=1), functional.log_softmax(teacher, dim=1)
    theirs = log_theirs.exp()
    values = (theirs * (log_theirs - log_ours)).sum(dim=1, keepdim=True)
    return values, log_ours.exp_().sub_(theirs)


def _binary(student: Tensor, teacher: Tensor) -> Tuple[Tensor, Tensor]:
    """Return Σ_c KL of one sigmoid for each channel, (N, 1, *spatial), and p^S − p^T."""
    values = student.new_zeros(())
    for sign in (1, -1):  # σ(−z) is 1 − σ(z), exact also where σ(z) rounds to 1
        log_theirs = functional.logsigmoid(sign * teacher)
        difference = log_theirs - functional.logsigmoid(sign * student)
        values = values + (log_theirs.exp_() * difference).sum(dim=1, keepdim=True)
    return values, torch.sigmoid(student).sub_(torch.sigmoid(teacher))
