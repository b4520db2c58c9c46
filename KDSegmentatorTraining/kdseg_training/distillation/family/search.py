"""The widest student that fits a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import ConfigurationError, MemoryLimitError
from kdseg.plans.parser import resolve_configuration
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.distillation.family.footprint import estimate_memory, measure_latency
from kdseg_training.distillation.family.parameters import channels_and_heads, count_parameters
from kdseg_training.distillation.family.plans import FLOOR, check_factor, derive_plans
from kdseg_training.distillation.family.workload import Workload, typical_workload

MEASURED_STEP = 1.1
"""Least ratio of neighbouring factors in a search by time: a step that can be told from noise, and few measurements."""


@dataclass(frozen=True)
class Budget:
    """What a student may need; None: no limit.

    Attributes
    ----------
    parameters
        Of the network.
    memory_bytes
        Estimated peak of ``kdseg segment``, cut into strips if that is what it takes.
    seconds
        Measured time for one volume on this machine.
    """

    parameters: Optional[int] = None
    memory_bytes: Optional[int] = None
    seconds: Optional[float] = None

    def __post_init__(self) -> None:
        values = (self.parameters, self.memory_bytes, self.seconds)
        given = [v for v in values if v is not None]
        if not given or not all(math.isfinite(v) and v > 0 for v in given):
            raise ConfigurationError(
                "The budget is not usable.", expected="positive parameters, bytes or seconds", found=f"{self}"
            )


def largest_within(
    plans: Mapping[str, Any],
    configuration: str,
    *,
    dataset: Mapping[str, Any],
    parameters: Optional[int] = None,
    memory_bytes: Optional[int] = None,
    seconds: Optional[float] = None,
    candidates: Optional[Sequence[float]] = None,
    floor: int = FLOOR,
    workload: Optional[Workload] = None,
) -> float:
    """Return the smallest factor whose student fits every budget that is given.

    Parameters
    ----------
    plans, configuration, dataset
        Of the teacher.
    parameters, memory_bytes, seconds
        See :class:`Budget`. Seconds are measured, one run for each student that is tried.
    candidates
        Factors to choose from; None: any, from 1 to where every stage is at the floor.
    floor
        As for :func:`kdseg_training.distillation.family.derive_plans`.
    workload
        The volume for memory and time; default the median of the training data, mirrored, on all CPUs.

    Raises
    ------
    ConfigurationError
        If no student fits; the error says what the narrowest needs.
    UnsupportedModelError
        If memory or time is asked for, and ``kdseg`` cannot run such a model.
    """
    budget = Budget(parameters, memory_bytes, seconds)
    for factor in candidates or ():
        check_factor(factor)
    if candidates is not None and not candidates:
        raise ConfigurationError("There are no factors to choose from.", expected="at least one, for example 2, 4 and 8")
    search = _Search(plans, configuration, dataset, budget=budget, floor=floor, workload=workload)
    factors = sorted(set(candidates)) if candidates is not None else search.grid()
    index = _first(factors, search.fits)
    if index is None:
        raise ConfigurationError(
            "No student fits the budget.",
            expected=search.wanted(),
            found=f"{search.last} for the narrowest, at factor {factors[-1]:g}",
            remedy="Allow more, or lower the floor; fewer stages or a smaller patch need another plan.",
        )
    return factors[index] if candidates is not None else search.rounded(factors[index])


class _Search:
    """Answers whether the student of a factor fits, the cheap questions first."""

    def __init__(
        self,
        plans: Mapping[str, Any],
        configuration: str,
        dataset: Mapping[str, Any],
        *,
        budget: Budget,
        floor: int,
        workload: Optional[Workload],
    ) -> None:
        self.plans, self.configuration, self.dataset = with_architectures(plans), configuration, dataset
        self.budget, self.floor = budget, floor
        self.channels, self.heads = channels_and_heads(self.plans, configuration, dataset)
        self.workload = workload
        if workload is None and (budget.memory_bytes is not None or budget.seconds is not None):
            self.workload = typical_workload(plans)
        self.last = ""

    def fits(self, factor: float) -> bool:
        """Tell whether the student is within every budget; say in ``last`` which one it exceeds."""
        student = self._derive(factor)
        if self.budget.parameters is not None:
            count = count_parameters(student, self.configuration, self.channels, self.heads)
            if count > self.budget.parameters:
                self.last = f"{count:,} parameters"
                return False
        if self.budget.memory_bytes is not None and self.workload is not None:
            try:
                ceiling = self.budget.memory_bytes
                estimate_memory(student, self.configuration, self.dataset, self.workload, ceiling_bytes=ceiling)
            except MemoryLimitError as error:
                self.last = f"{error.estimate_bytes / 1024**3:.2f} GiB"
                return False
        if self.budget.seconds is not None and self.workload is not None:
            latency = measure_latency(student, self.configuration, self.dataset, self.workload)
            if latency.seconds > self.budget.seconds:
                self.last = f"{latency.seconds:.1f} s"
                return False
        return True

    def wanted(self) -> str:
        """Return the budget for people."""
        parts = [
            "" if self.budget.parameters is None else f"{self.budget.parameters:,} parameters",
            "" if self.budget.memory_bytes is None else f"{self.budget.memory_bytes / 1024**3:.3g} GiB",
            "" if self.budget.seconds is None else f"{self.budget.seconds:g} s",
        ]
        return "at most " + ", ".join(part for part in parts if part)

    def grid(self) -> List[float]:
        """Return one factor for every combination of widths, from 1 to where every stage is at the floor.

        A stage of n channels has k of them up to the factor n / (k − ½). If time is measured, only factors that lie apart.
        """
        widths = self._widths(1.0)
        last = max(1.0, max(widths) / self.floor)
        changes = {n / (k - 0.5) for n in widths for k in range(self.floor + 1, n + 1)}
        edges = [1.0, *sorted(edge for edge in changes if 1 < edge < last), last]
        factors = [1.0, *((a + b) / 2 for a, b in pairwise(edges) if b > a), last]
        if self.budget.seconds is None:
            return factors
        apart = [factors[0]]
        for factor in factors[1:]:
            if factor >= apart[-1] * MEASURED_STEP:
                apart.append(factor)
        return apart if apart[-1] == last else [*apart, last]

    def rounded(self, factor: float) -> float:
        """Return the shortest decimal number that gives the same widths."""
        widths = self._widths(factor)
        numbers = (number / 10**digits for digits in range(6) for number in _neighbours(factor * 10**digits))
        return next((n for n in numbers if n >= 1 and self._widths(n) == widths), factor)

    def _derive(self, factor: float) -> Mapping[str, Any]:
        return derive_plans(self.plans, factor=factor, floor=self.floor, configuration=self.configuration, name="candidate")

    def _widths(self, factor: float) -> Tuple[int, ...]:
        arguments = resolve_configuration(self._derive(factor), self.configuration)["architecture"]["arch_kwargs"]
        features = arguments["features_per_stage"]
        widths = features if isinstance(features, list) else [features]
        return (*widths, *([arguments["stem_channels"]] if arguments.get("stem_channels") else []))


def _first(factors: Sequence[float], fits: Callable[[float], bool]) -> Optional[int]:
    """Return the index of the first factor that fits, by bisection: narrower students need less; None if none fits."""
    if fits(factors[0]):
        return 0
    low, high = 0, len(factors) - 1
    if high == 0 or not fits(factors[high]):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(factors[middle]) else (middle, high)
    return high


def _neighbours(number: float) -> Tuple[int, int]:
    return math.floor(number), math.ceil(number)
