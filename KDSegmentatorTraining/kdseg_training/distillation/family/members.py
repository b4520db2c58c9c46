"""The members of a family, side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import UnsupportedModelError
from kdseg.plans.parser import resolve_configuration
from kdseg_training.distillation.family.architecture import network_configurations, with_architectures
from kdseg_training.distillation.family.footprint import Latency, estimate_memory, measure_latency
from kdseg_training.distillation.family.parameters import channels_and_heads, count_parameters
from kdseg_training.distillation.family.plans import FLOOR, derive_plans, student_plans_name
from kdseg_training.distillation.family.workload import Workload


@dataclass(frozen=True)
class Member:
    """One network of the family.

    Attributes
    ----------
    configuration
        For example ``3d_fullres``.
    factor
        By which the teacher's channels are divided; 1 is the teacher.
    plans_name
        For ``nnUNetv2_train -p``.
    features
        Channels of the stages.
    parameters
        Counted exactly.
    memory_bytes
        Estimated peak of ``kdseg segment`` for the workload; None where ``kdseg`` cannot run such a model, or no workload
        was given.
    latency
        Measured; None if it was not.
    """

    configuration: str
    factor: float
    plans_name: str
    features: Tuple[int, ...]
    parameters: int
    memory_bytes: Optional[int] = None
    latency: Optional[Latency] = None

    def as_dict(self) -> Dict[str, Any]:
        """Return the member as plain data."""
        return {**asdict(self), "features": list(self.features)}


def family_members(
    plans: Mapping[str, Any],
    dataset: Mapping[str, Any],
    *,
    factors: Sequence[float],
    floor: int = FLOOR,
    configurations: Optional[Sequence[str]] = None,
    workload: Optional[Workload] = None,
    measure: bool = False,
) -> List[Member]:
    """Return the students of each factor for each configuration, the teacher (factor 1) first.

    Parameters
    ----------
    plans, dataset
        Of the teacher.
    factors, floor
        As for :func:`kdseg_training.distillation.family.derive_plans`.
    configurations
        None: all that describe a network.
    workload
        The volume for memory and time; None leaves memory out.
    measure
        Also measure the time for that volume.
    """
    modern = with_architectures(plans)
    wanted = network_configurations(modern) if configurations is None else list(configurations)
    every = sorted({1.0, *map(float, factors)})
    members = [_member(modern, dataset, name, factor, floor) for name in wanted for factor in every]
    if workload is None:
        return members
    return [_with_footprint(member, modern, dataset, floor, workload=workload, measure=measure) for member in members]


def _member(plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str, factor: float, floor: int) -> Member:
    student = derive_plans(plans, factor=factor, floor=floor, configuration=configuration)
    channels, heads = channels_and_heads(plans, configuration, dataset)
    features = resolve_configuration(student, configuration)["architecture"]["arch_kwargs"]["features_per_stage"]
    name = str(plans.get("plans_name", "nnUNetPlans")) if factor == 1 else student_plans_name(plans, factor)
    count = count_parameters(student, configuration, channels, heads)
    return Member(configuration, factor, name, tuple(features) if isinstance(features, list) else (features,), count)


def _with_footprint(
    member: Member, plans: Mapping[str, Any], dataset: Mapping[str, Any], floor: int, *, workload: Workload, measure: bool
) -> Member:
    student = derive_plans(plans, factor=member.factor, floor=floor, configuration=member.configuration)
    try:
        memory = estimate_memory(student, member.configuration, dataset, workload).peak_bytes
    except UnsupportedModelError:
        return member
    latency = measure_latency(student, member.configuration, dataset, workload) if measure else None
    return replace(member, memory_bytes=memory, latency=latency)
