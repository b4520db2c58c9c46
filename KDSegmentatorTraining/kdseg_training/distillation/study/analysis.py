"""Compare the arms: means with intervals, what was kept and recovered, paired tests, non-inferiority."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from kdseg_training.distillation.study.config import EQUAL_TIME, PLAIN, StudyConfig
from kdseg_training.distillation.study.measurement import METRICS, Matrix
from kdseg_training.metrics import (
    BootstrapResult,
    Interval,
    NonInferiority,
    PairedTest,
    Recovery,
    bootstrap_differences,
    bootstrap_means,
    case_means,
    holm,
    non_inferiority,
    paired_wilcoxon,
    recovery,
    retention,
)

LARGER_IS_BETTER = {"dice": True, "nsd": True, "hd95_mm": False}

Results = Mapping[str, Matrix]
"""Metric → (case, class)."""


@dataclass(frozen=True)
class Group:
    """All seeds of one width and method.

    Attributes
    ----------
    factor, method
        Method None: the teacher.
    seeds
        Seed → metric → matrix (case, class).
    """

    factor: float
    method: Optional[str]
    seeds: Mapping[int, Results]

    def mean(self, metric: str, seeds: Optional[Sequence[int]] = None) -> Matrix:
        """Return the mean over seeds of every cell; NaN only where no seed has a value."""
        stack = np.stack([self.seeds[seed][metric] for seed in (self.seeds if seeds is None else seeds)])
        known = ~np.isnan(stack)
        counts = known.sum(axis=0)
        total = np.where(known, stack, 0.0).sum(axis=0)
        result = np.full(total.shape, np.nan)
        np.divide(total, counts, out=result, where=counts > 0)
        return result

    def of_seed(self, metric: str) -> Dict[int, float]:
        """Return each seed's mean over the cases of the mean over the classes."""
        return {seed: mean_of_means(results[metric]) for seed, results in self.seeds.items()}


@dataclass(frozen=True)
class Claims:
    """What is said about a group, by metric.

    Attributes
    ----------
    quality
        Means with 95 % intervals.
    retained
        Share of the teacher's mean; Dice and NSD.
    recovered
        Share of the teacher's lead over the plain student of this width; distilled groups.
    inferiority
        Against the teacher, where a margin was set.
    """

    quality: Mapping[str, BootstrapResult]
    retained: Mapping[str, Interval] = field(default_factory=dict)
    recovered: Mapping[str, Recovery] = field(default_factory=dict)
    inferiority: Mapping[str, NonInferiority] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A pair of groups of one width, on their common seeds, in one metric.

    Attributes
    ----------
    factor, baseline, candidate, metric
        Which.
    seeds
        Those that both have.
    difference
        Candidate − baseline of the mean over cases and classes.
    test
        Paired over cases, of the means over classes.
    holm_p
        Its p-value, corrected for all comparisons in this metric.
    """

    factor: float
    baseline: str
    candidate: str
    metric: str
    seeds: Tuple[int, ...]
    difference: Interval
    test: PairedTest
    holm_p: float


@dataclass(frozen=True)
class Analysis:
    """All claims and comparisons on one set of cases, with or without mirroring."""

    teacher: Group
    groups: Tuple[Group, ...]
    claims: Mapping[Tuple[float, Optional[str]], Claims]
    comparisons: Tuple[Comparison, ...]
    classes: Mapping[int, str]

    def group(self, factor: float, method: str) -> Optional[Group]:
        """Return a group of students."""
        return next((g for g in self.groups if (g.factor, g.method) == (factor, method)), None)

    def of(self, group: Group) -> Claims:
        """Return what is said about a group."""
        return self.claims[group.factor, group.method]


def mean_of_means(matrix: Matrix) -> float:
    """Return the mean over the cases of the mean over the classes that a case has."""
    return float(np.mean(case_means(matrix)))


def analyse(config: StudyConfig, groups: Sequence[Group], classes: Mapping[int, str]) -> Analysis:
    """Compare the groups; the teacher is the one without method.

    A class that no case has is left out.
    """
    present = _classes_present(groups)
    groups = [_only(group, present) for group in groups]
    kept = {label: name for (label, name), there in zip(classes.items(), present, strict=True) if there}
    teacher = next(group for group in groups if group.method is None)
    students = tuple(group for group in groups if group.method is not None)
    plain = {group.factor: group for group in students if group.method == PLAIN}
    claims = {(group.factor, group.method): _claims(config, group, teacher, plain.get(group.factor)) for group in groups}
    return Analysis(teacher, students, claims, _comparisons(config, students), kept)


def _claims(config: StudyConfig, group: Group, teacher: Group, plain: Optional[Group]) -> Claims:
    draws: Dict[str, Any] = {"resamples": config.statistics.resamples, "seed": config.statistics.seed}
    quality = {metric: bootstrap_means(group.mean(metric), **draws) for metric in METRICS}
    if group.method is None:
        return Claims(quality)
    retained = {
        metric: retention(teacher.mean(metric), group.mean(metric), **draws) for metric in METRICS if LARGER_IS_BETTER[metric]
    }
    recovered: Dict[str, Recovery] = {}
    if plain is not None and group.method not in {PLAIN, EQUAL_TIME}:
        seeds = _common(group, plain)
        for metric in METRICS:
            student, alone = group.mean(metric, seeds), plain.mean(metric, seeds)
            recovered[metric] = recovery(teacher.mean(metric), student, alone, **draws)
    inferiority: Dict[str, NonInferiority] = {
        metric: non_inferiority(
            teacher.mean(metric), group.mean(metric), margin, larger_is_better=LARGER_IS_BETTER[metric], **draws
        )
        for metric, margin in config.statistics.margins.items()
    }
    return Claims(quality, retained, recovered, inferiority)


def _comparisons(config: StudyConfig, students: Sequence[Group]) -> Tuple[Comparison, ...]:
    found: List[Comparison] = []
    for metric in METRICS:
        pairs = [(base, other) for base, other in _pairs(students) if _common(base, other)]
        differences, tests = [], []
        for base, other in pairs:
            seeds = _common(base, other)
            a, b = base.mean(metric, seeds), other.mean(metric, seeds)
            differences.append(
                bootstrap_differences(a, b, resamples=config.statistics.resamples, seed=config.statistics.seed).macro
            )
            both = np.isnan(a) | np.isnan(b)
            tests.append(paired_wilcoxon(*(case_means(np.where(both, np.nan, m)) for m in (a, b))))
        corrected = holm([test.p_value for test in tests])
        for (base, other), difference, test, p in zip(pairs, differences, tests, corrected, strict=True):
            found.append(
                Comparison(base.factor, str(base.method), str(other.method), metric, _common(base, other), difference, test, p)
            )
    return tuple(found)


def _pairs(students: Sequence[Group]) -> List[Tuple[Group, Group]]:
    """Return every distilled group beside the plain ones of its width."""
    bases = [group for group in students if group.method in {PLAIN, EQUAL_TIME}]
    others = [group for group in students if group.method not in {PLAIN, EQUAL_TIME}]
    return [(base, other) for other in others for base in bases if base.factor == other.factor]


def _common(a: Group, b: Group) -> Tuple[int, ...]:
    return tuple(seed for seed in a.seeds if seed in b.seeds)


def _classes_present(groups: Sequence[Group]) -> List[bool]:
    matrices = [results["dice"] for group in groups for results in group.seeds.values()]
    return [all(bool((~np.isnan(column)).any()) for column in columns) for columns in zip(*(m.T for m in matrices))]


def _only(group: Group, present: Sequence[bool]) -> Group:
    columns = np.flatnonzero(present)
    seeds = {seed: {m: matrix[:, columns] for m, matrix in results.items()} for seed, results in group.seeds.items()}
    return Group(group.factor, group.method, seeds)
