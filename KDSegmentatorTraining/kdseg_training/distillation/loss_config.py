"""The losses of a run, as plain data from a configuration file: validated, and with no code in it.

A loss is chosen by ``kind``; what a kind does not know is refused::

    method: B                 # its combination, or
    losses:                   # losses one by one; both may be given
      - kind: logits
        weight: 1.0
        temperature: 2.0
        schedule: {kind: linear_warmup, share: 0.1}
"""

from __future__ import annotations

from typing import Annotated, List, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kdseg_training.distillation.config_words import like
from kdseg_training.distillation.losses.schedules import ScheduleKind, schedule_factor

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, like(r"[A-Za-z][A-Za-z0-9_]*", "a letter, then letters, digits and _")]
Stages = Union[str, Annotated[List[str], Field(min_length=1)]]
"""``encoder`` (all its stages but the deepest), ``decoder``, ``bottleneck``, or names such as ``encoder.stages.1``."""


class _Data(BaseModel):
    """Unknown keys are refused, and numbers must be numbers that are finite; nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _refuse_without_effect(data: BaseModel, key: str, effective: bool, partner: str) -> None:
    """Refuse a value that would change nothing, so that no comparison rests on one."""
    value = getattr(data, key)
    if not effective and value != type(data).model_fields[key].default:
        raise ValueError(f"{key} = {value} has no effect: expected it with {partner} only")


class Schedule(_Data):
    """How the weight changes during the training; see :func:`kdseg_training.distillation.losses.schedules.schedule_factor`."""

    kind: ScheduleKind = "constant"
    share: Share = 1.0

    @model_validator(mode="after")
    def _check(self) -> Schedule:
        _refuse_without_effect(self, "share", self.kind != "constant", "a schedule that is not constant")
        return self

    def factor(self, progress: float) -> float:
        """Return the factor of the weight; ``progress`` is the share of the training that is done, 0 to 1."""
        return schedule_factor(self.kind, progress, self.share)


class _Loss(_Data):
    """What every loss has: its weight λ, how that changes, and its name in logs (None: the kind)."""

    weight: NotNegative = 1.0
    schedule: Schedule = Schedule()
    name: Optional[Name] = None


class LogitsSpec(_Loss):
    """Divergence of the class probabilities; T = 2 as in the public code of arXiv 2601.09191's group."""

    kind: Literal["logits"] = "logits"
    temperature: Positive = 2.0
    heads: Literal["finest", "all"] = "finest"


class SoftDiceSpec(_Loss):
    """Dice between the two soft segmentations."""

    kind: Literal["soft_dice"] = "soft_dice"
    temperature: Positive = 1.0
    heads: Literal["finest", "all"] = "finest"
    batch: bool = False
    smooth: Positive = 1e-5


class _StagedLoss(_Loss):
    """A loss on features; the weights of its stages fall as 2^(−decay · k) and are scaled to the sum 1."""

    stages: Stages = "encoder"
    decay: NotNegative = 0.0


class RegionAwareSpec(_StagedLoss):
    """MS-SARD of arXiv 2601.08301; the weights of its three parts are not public, so they are equal here."""

    kind: Literal["region_aware"] = "region_aware"
    decay: NotNegative = 1.2
    temperature: Positive = 0.5
    foreground: NotNegative = 1.0
    background: NotNegative = 1.0
    attention: NotNegative = 1.0


class ContextAwareSpec(_StagedLoss):
    """MS-CA of arXiv 2601.08301, or its alternative on channel affinities."""

    kind: Literal["context_aware"] = "context_aware"
    decay: NotNegative = 1.2
    context: Literal["gc", "channel_affinity"] = "gc"


class AffinitySpec(_StagedLoss):
    """Adaptive affinity of arXiv 2404.02738."""

    kind: Literal["affinity"] = "affinity"
    tokens_per_axis: Annotated[int, Field(ge=2, le=16)] = 8
    gamma: NotNegative = 1.0


class KernelSpec(_StagedLoss):
    """Gram matching of arXiv 2404.02738."""

    kind: Literal["kernel"] = "kernel"
    kernel: Literal["linear", "polynomial", "gaussian"] = "linear"
    tokens_per_axis: Annotated[int, Field(ge=2, le=16)] = 8
    degree: Annotated[int, Field(ge=2, le=5)] = 2
    offset: NotNegative = 1.0
    bandwidth: Optional[Positive] = None

    @model_validator(mode="after")
    def _check(self) -> KernelSpec:
        for key in ("degree", "offset"):
            _refuse_without_effect(self, key, self.kernel == "polynomial", "kernel: polynomial")
        _refuse_without_effect(self, "bandwidth", self.kernel == "gaussian", "kernel: gaussian")
        return self


LossSpec = Annotated[
    Union[LogitsSpec, SoftDiceSpec, RegionAwareSpec, ContextAwareSpec, AffinitySpec, KernelSpec], Field(discriminator="kind")
]
"""One loss of a run, told apart by ``kind``."""

Method = Literal["A", "B", "C", "D"]


def method_losses(method: Method) -> List[LossSpec]:
    """Return the losses of a method, published ones with their published settings.

    - A, arXiv 2601.09191: logits, T = 2, finest head. Its λ is not public; 1 [reconstruction].
    - B, arXiv 2601.08301: MS-SARD and MS-CA on all encoder stages but the deepest, stage weights ∝ 2^(−3 · 0.4 · k), λ = 0.01
      with a linear warm-up over 60 % of the training.
    - C, arXiv 2404.02738: logits, kernel matching and adaptive affinity on the encoder. Its weights, stages and T are not
      public. Here the two are weighed so that each has about a seventh of the gradient of the logits' loss, as measured with
      two students, fresh and trained, of a hippocampus teacher after its first epoch; with weights of 1 they would hardly be
      felt [reconstruction].
    - D: the teacher's class probabilities through Dice, at T = 1. Ours; docs/results/hippocampus-distillation.md compares it.
    """
    if method == "A":
        return [LogitsSpec()]
    if method == "B":
        warmup = Schedule(kind="linear_warmup", share=0.6)
        return [RegionAwareSpec(weight=0.01, schedule=warmup), ContextAwareSpec(weight=0.01, schedule=warmup)]
    if method == "C":
        return [LogitsSpec(), KernelSpec(weight=1000.0), AffinitySpec(weight=5.0)]
    return [SoftDiceSpec()]


class DistillationSpec(_Data):
    """All losses of a run: those of a method, further ones, or both.

    Attributes
    ----------
    method
        A, B, C or D; see :func:`method_losses`.
    losses
        Losses one by one.
    """

    method: Optional[Method] = None
    losses: List[LossSpec] = []

    @property
    def specs(self) -> List[LossSpec]:
        """The losses of the method, then the others."""
        return [*([] if self.method is None else method_losses(self.method)), *self.losses]

    @model_validator(mode="after")
    def _check(self) -> DistillationSpec:
        names = [spec_name(spec) for spec in self.specs]
        if not names:
            raise ValueError("expected a method (A, B, C or D) or at least one loss, found neither")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"expected losses of different names, found {', '.join(twice)} twice: give one of them a name")
        return self


def spec_name(spec: LossSpec) -> str:
    """Return the name of a loss in logs and checkpoints: its own, else its kind."""
    return spec.name or spec.kind
