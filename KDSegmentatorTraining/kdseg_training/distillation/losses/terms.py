"""From the description of a loss to its module."""

from __future__ import annotations

from typing import Mapping, Sequence

from kdseg_training.distillation.loss_config import (
    AffinitySpec,
    ContextAwareSpec,
    KernelSpec,
    LogitsSpec,
    LossSpec,
    RegionAwareSpec,
    SoftDiceSpec,
)
from kdseg_training.distillation.losses.affinity import AdaptiveAffinity
from kdseg_training.distillation.losses.base import DistillationTerm
from kdseg_training.distillation.losses.context_aware import ChannelAffinity, ContextAware
from kdseg_training.distillation.losses.kernel import KernelMatching
from kdseg_training.distillation.losses.logits import LogitDistillation
from kdseg_training.distillation.losses.region_aware import RegionAware
from kdseg_training.distillation.losses.soft_dice import SoftDice
from kdseg_training.distillation.outputs import LabelScheme
from kdseg_training.distillation.stages import resolve_stages


def build_term(
    spec: LossSpec, scheme: LabelScheme, channels: Mapping[str, int], head_weights: Sequence[float]
) -> DistillationTerm:
    """Return the module of a loss.

    Parameters
    ----------
    spec
        What the configuration says.
    scheme
        What the channels of the logits and the values of the target mean.
    channels
        Stage name → the teacher's channels, of all stages.
    head_weights
        nnU-Net's weight of each head, the finest first.

    Raises
    ------
    ConfigurationError
        If a stage does not exist.
    """
    if isinstance(spec, (LogitsSpec, SoftDiceSpec)):
        return _of_logits(spec, scheme, head_weights)
    stages = resolve_stages(spec.stages, channels)
    if isinstance(spec, RegionAwareSpec):
        return RegionAware(
            scheme,
            stages,
            decay=spec.decay,
            temperature=spec.temperature,
            foreground=spec.foreground,
            background=spec.background,
            attention=spec.attention,
        )
    if isinstance(spec, ContextAwareSpec):
        if spec.context == "channel_affinity":
            return ChannelAffinity(stages, decay=spec.decay)
        return ContextAware({name: channels[name] for name in stages}, decay=spec.decay)
    if isinstance(spec, AffinitySpec):
        return AdaptiveAffinity(scheme, stages, decay=spec.decay, tokens_per_axis=spec.tokens_per_axis, gamma=spec.gamma)
    return _of_kernel(spec, stages)


def _of_logits(spec: LogitsSpec | SoftDiceSpec, scheme: LabelScheme, head_weights: Sequence[float]) -> DistillationTerm:
    if isinstance(spec, LogitsSpec):
        return LogitDistillation(scheme, temperature=spec.temperature, heads=spec.heads, head_weights=head_weights)
    return SoftDice(
        scheme,
        temperature=spec.temperature,
        batch=spec.batch,
        smooth=spec.smooth,
        heads=spec.heads,
        head_weights=head_weights,
    )


def _of_kernel(spec: KernelSpec, stages: Sequence[str]) -> KernelMatching:
    return KernelMatching(
        stages,
        decay=spec.decay,
        kernel=spec.kernel,
        tokens_per_axis=spec.tokens_per_axis,
        degree=spec.degree,
        offset=spec.offset,
        bandwidth=spec.bandwidth,
    )
