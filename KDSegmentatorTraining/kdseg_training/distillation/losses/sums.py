"""What losses like Dice sum over voxels, with the gradients, block by block.

A Dice loss is a function of few numbers: sums over all voxels for each class. The sums are computed here, from logits to
numbers, and how their gradient becomes that of the logits; the loss itself is ordinary arithmetic with them. Probabilities are
computed twice, forwards and backwards, and never kept: two passes over the logits in their own precision are all the memory
that is moved.
"""

from __future__ import annotations

import itertools
from typing import Any, Iterator, NamedTuple, Optional, Tuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.losses.base import packed, widened
from kdseg_training.distillation.losses.blocks import Blocks


class LabelSums(NamedTuple):
    """Sums over the voxels v of each sample, with p = softmax_c(z) and the label y.

    Attributes
    ----------
    overlap
        (N, C): Σ p_cv over voxels with y_v = c.
    size
        (N, C): Σ p_cv.
    voxels
        (N, C): voxels with y_v = c; a constant.
    surprise
        (N,): Σ −log p_yv.
    """

    overlap: Tensor
    size: Tensor
    voxels: Tensor
    surprise: Tensor


def label_sums(logits: Tensor, labels: Tensor) -> LabelSums:
    """Compare the probabilities of classes with labels.

    Parameters
    ----------
    logits
        z, (N, C, *spatial), any precision and either order of memory.
    labels
        y, (N, 1, *spatial), whole numbers from 0 to C − 1 of any type.

    Returns
    -------
    LabelSums
        float32, or float64 for float64 logits. Sizes are added up in that precision within a block, from block to block and
        all else in float64. Differentiable once.

    Raises
    ------
    TrainingDataError
        If the labels have another shape.
    """
    require_shape("The labels", labels, logits, channels=1)
    return LabelSums(*cast(Any, _LabelSums).apply(logits, labels))


def require_shape(what: str, given: Tensor, logits: Tensor, *, channels: int) -> None:
    """Raise :class:`TrainingDataError` unless a map has as many channels as said, and samples and voxels as the logits."""
    expected = (logits.shape[0], channels, *logits.shape[2:])
    if given.shape != expected:
        raise TrainingDataError(f"{what} do not fit the logits.", expected=str(expected), found=str(tuple(given.shape)))


class _LabelSums(torch.autograd.Function):
    """Passes α, β and γ, upstream of overlap, size and surprise, on to the logits.

    ∂L/∂z_c = p_c (β_c − s + γ) + [c = y] (α_y p_y − γ), where s = Σ_k β_k p_k + α_y p_y.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        blocks = Blocks(logits)
        ctx.save_for_backward(logits, labels)
        samples, classes = logits.shape[:2]
        overlap = logits.new_zeros((samples, classes), dtype=torch.float64)
        size, voxels, surprise = torch.zeros_like(overlap), torch.zeros_like(overlap), overlap.new_zeros(samples)
        for sample, block, here in zip(blocks.samples(), blocks.cut(logits), blocks.cut(labels), strict=True):
            log_p = torch.log_softmax(widened(block), blocks.class_axis)
            index = here.long()
            of_label = log_p.gather(blocks.class_axis, index).flatten().double()
            overlap[sample].scatter_add_(0, index.flatten(), of_label.exp())
            voxels[sample] += torch.bincount(index.flatten(), minlength=classes)
            size[sample] += log_p.exp_().sum(blocks.voxel_axis)
            surprise[sample] -= of_label.sum()
        dtype = widened(logits[:0]).dtype
        count = voxels.to(dtype)
        ctx.mark_non_differentiable(count)
        return overlap.to(dtype), size.to(dtype), count, surprise.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, alpha: Tensor, beta: Tensor, _: Tensor, gamma: Tensor) -> Tuple[Tensor, None]:
        logits, labels = ctx.saved_tensors
        blocks = Blocks(logits)
        gradient = blocks.empty_like(logits)
        pieces = zip(blocks.samples(), blocks.cut(logits), blocks.cut(labels), blocks.cut(gradient), strict=True)
        for sample, block, here, result in pieces:
            slope = torch.softmax(widened(block), blocks.class_axis)
            index = here.long()
            of_label = alpha[sample][index] * slope.gather(blocks.class_axis, index)
            inner = blocks.over_classes(beta[sample], slope) + of_label
            slope *= blocks.per_class(beta[sample]) + (gamma[sample] - inner)
            slope.scatter_add_(blocks.class_axis, index, of_label - gamma[sample])
            result.copy_(slope)
        return gradient, None


class SoftSums(NamedTuple):
    """Sums over the voxels v of each sample, with the student's probabilities p, the teacher's q and weights w.

    Attributes
    ----------
    distance
        (N, C): Σ w_v |p_cv − q_cv|.
    size
        (N, C): Σ w_v p_cv.
    teacher_size
        (N, C): Σ w_v q_cv; a constant.
    """

    distance: Tensor
    size: Tensor
    teacher_size: Tensor


def soft_sums(student: Tensor, teacher: Tensor, weight: Optional[Tensor], *, temperature: float, regions: bool) -> SoftSums:
    """Compare two soft segmentations.

    Parameters
    ----------
    student, teacher
        Logits z, (N, C, *spatial), any precision and either order of memory. Nothing flows back into the teacher's.
    weight
        w, (N, 1, *spatial), float; None for 1 everywhere. Where it is 0 the teacher's logits may be anything.
    temperature
        p = softmax_c(z / T).
    regions
        p = σ(z / T) instead.

    Returns
    -------
    SoftSums
        float32, or float64 for float64 logits, added up in that precision within a block, in float64 from block to block.
        Differentiable once.

    Raises
    ------
    TrainingDataError
        If the shapes of teacher or weight differ from the student's.
    """
    require_shape("The teacher's logits", teacher, student, channels=student.shape[1])
    if weight is not None:
        require_shape("The weights of voxels", weight, student, channels=1)
    return SoftSums(*cast(Any, _SoftSums).apply(student, teacher, weight, _Form(temperature, regions)))


def soft_sums_as_a_whole(
    student: Tensor, teacher: Tensor, weight: Optional[Tensor], *, temperature: float, regions: bool
) -> SoftSums:
    """Return the same as :func:`soft_sums` but for rounding, all steps left to autograd, without blocks or float64."""
    form = _Form(temperature, regions)
    known = packed(teacher.detach())
    if weight is not None:  # 0 · NaN is NaN
        known = torch.where(weight > 0, known, known.new_zeros(()))
    ours, theirs = form.probabilities(packed(student), 1), form.probabilities(known, 1)
    if weight is not None:
        ours, theirs = ours * weight, theirs * weight
    axes = tuple(range(2, ours.ndim))
    distance: Tensor = torch.linalg.vector_norm(ours - theirs, 1, axes)  # Σ |p − q| without a copy of |p − q|
    return SoftSums(distance, ours.sum(axes), theirs.sum(axes))


class _Form(NamedTuple):
    temperature: float
    regions: bool

    def probabilities(self, logits: Tensor, axis: int) -> Tensor:
        scaled = widened(logits) if self.temperature == 1 else widened(logits) / self.temperature
        return torch.sigmoid(scaled) if self.regions else torch.softmax(scaled, dim=axis)


def _blocks_of(
    blocks: Blocks, student: Tensor, teacher: Tensor, weight: Optional[Tensor], form: _Form
) -> Iterator[Tuple[Tensor, Tensor, Optional[Tensor]]]:
    """Yield p, q and w of each block."""
    weights = itertools.repeat(None, blocks.number) if weight is None else blocks.cut(weight)
    for ours, theirs, factor in zip(blocks.cut(student), blocks.cut(teacher), weights, strict=True):
        known = theirs if factor is None else torch.where(factor > 0, theirs, theirs.new_zeros(()))  # 0 · NaN is NaN
        yield form.probabilities(ours, blocks.class_axis), form.probabilities(known, blocks.class_axis), factor


class _SoftSums(torch.autograd.Function):
    """Passes α and β, upstream of distance and size, on to the student's logits.

    With g = w (α sign(p − q) + β): ∂L/∂z_c = p_c (g_c − Σ_k g_k p_k) / T for labels, p (1 − p) g / T for regions.
    """

    @staticmethod
    def forward(
        ctx: Any, student: Tensor, teacher: Tensor, weight: Optional[Tensor], form: _Form
    ) -> Tuple[Tensor, Tensor, Tensor]:
        blocks = Blocks(student)
        ctx.save_for_backward(student, teacher, weight)
        ctx.form = form
        distance = student.new_zeros(student.shape[:2], dtype=torch.float64)
        size, teacher_size = torch.zeros_like(distance), torch.zeros_like(distance)
        pieces = zip(blocks.samples(), _blocks_of(blocks, student, teacher, weight, form), strict=True)
        for sample, (ours, theirs, factor) in pieces:
            apart = (ours - theirs).abs_()
            for sums, values in ((distance, apart), (size, ours), (teacher_size, theirs)):
                sums[sample] += (values if factor is None else values * factor).sum(blocks.voxel_axis)
        dtype = widened(student[:0]).dtype
        theirs = teacher_size.to(dtype)
        ctx.mark_non_differentiable(theirs)
        return distance.to(dtype), size.to(dtype), theirs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, alpha: Tensor, beta: Tensor, _: Tensor) -> Tuple[Tensor, None, None, None]:
        student, teacher, weight = ctx.saved_tensors
        blocks, form = Blocks(student), ctx.form
        gradient = blocks.empty_like(student)
        pieces = zip(blocks.samples(), _blocks_of(blocks, student, teacher, weight, form), blocks.cut(gradient), strict=True)
        for sample, (ours, theirs, factor), result in pieces:
            slope = (ours - theirs).sign_()
            slope *= blocks.per_class(alpha[sample])
            slope += blocks.per_class(beta[sample])
            if factor is not None:
                slope *= factor
            if form.regions:
                slope *= 1 - ours
            else:
                slope -= (slope * ours).sum(blocks.class_axis, keepdim=True)
            slope *= ours
            result.copy_(slope if form.temperature == 1 else slope / form.temperature)
        return gradient, None, None, None
