"""Region-aware feature distillation: where the teacher looks, class by class."""

from __future__ import annotations

from typing import ClassVar, Sequence

from torch import Tensor

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.losses.attention import attention_maps
from kdseg_training.distillation.losses.base import Target, weighted_mean
from kdseg_training.distillation.losses.class_mask import class_masks
from kdseg_training.distillation.losses.resolution import at_resolution
from kdseg_training.distillation.losses.staged import StagedTerm
from kdseg_training.distillation.losses.voxels import voxels_of
from kdseg_training.distillation.outputs import LabelScheme


class RegionAware(StagedTerm):
    """MS-SARD, the multi-scale structure-aware region distillation of ReCo-KD.

    With the adapted student F^S and the teacher F^T, both (N, C, V), their attention maps S and C at temperature T
    (:func:`~kdseg_training.distillation.losses.attention.attention_maps`) and the class masks M and B
    (:func:`~kdseg_training.distillation.losses.class_mask.class_masks`), for each stage::

        L_fg  = Σ (F^S_cv − F^T_cv)² · S^T_v · C^T_c · M_v / (C · Σ M)
        L_bg  = the same with B
        L_att = mean_c |C^S_c − C^T_c| + mean_v |S^S_v − S^T_v|
        L     = foreground · L_fg + background · L_bg + attention · L_att

    for each sample, with sums over channels and voxels, and then the mean over samples. A part whose mask is empty is 0. The
    target is taken at the stage's resolution from the nearest voxel. Needs labels.

    Source: arXiv 2601.08301 and its group's public code; the three factors are [reconstruction].

    Parameters
    ----------
    scheme
        What the values of the target mean.
    stages, decay
        See :class:`~kdseg_training.distillation.losses.staged.StagedTerm`; published: the encoder's but the deepest, 3 · 0.4.
    temperature
        T of the attention maps; published: 0.5.
    foreground, background, attention
        Factors of the three parts.
    """

    needs_labels: ClassVar[bool] = True
    equal_channels: ClassVar[bool] = True

    def __init__(
        self,
        scheme: LabelScheme,
        stages: Sequence[str],
        *,
        decay: float = 1.2,
        temperature: float = 0.5,
        foreground: float = 1.0,
        background: float = 1.0,
        attention: float = 1.0,
    ) -> None:
        super().__init__(stages, decay=decay)
        if not temperature > 0:
            raise ValueError(f"temperature: expected a number above 0, found {temperature}")
        self.scheme = scheme
        self.temperature = temperature
        self.foreground, self.background, self.attention = foreground, background, attention

    def of_stage(self, name: str, student: Tensor, teacher: Tensor, target: Target) -> Tensor:
        """Return the weighted sum of the three parts."""
        labels = self._labels(name, student, target)
        foreground, background = class_masks(labels, self.scheme, student.dtype)
        ours, theirs = voxels_of(student), voxels_of(teacher)
        spatial_s, channel_s = attention_maps(ours, self.temperature)
        spatial_t, channel_t = attention_maps(theirs, self.temperature)
        # Σ_c C^T_c (F^S − F^T)²: from here on a voxel is one number, (N, V)
        error = (channel_t[:, None] @ (ours - theirs).square())[:, 0] * spatial_t / ours.shape[1]
        inside, outside = weighted_mean(error, foreground), weighted_mean(error, background)
        attention = (channel_s - channel_t).abs().mean() + (spatial_s - spatial_t).abs().mean()
        return self.foreground * inside + self.background * outside + self.attention * attention

    @staticmethod
    def _labels(name: str, features: Tensor, target: Target) -> Tensor:
        if not target or target[0].shape[0] != features.shape[0] or target[0].ndim != features.ndim:
            raise TrainingDataError(
                f"The target does not fit the features of stage {name}.",
                expected=f"a label map for {features.shape[0]} samples with {features.ndim - 2} spatial axes",
                found="none" if not target else str(tuple(target[0].shape)),
            )
        return at_resolution(target[0], features.shape[2:])
