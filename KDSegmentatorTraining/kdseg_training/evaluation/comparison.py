"""Compare the models of an evaluation on the cases and structures that all of them have."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from kdseg_training.evaluation.common_cells import CommonCells, common_cells
from kdseg_training.evaluation.compared_metrics import checked_margins, checked_roles, compared_metrics, is_larger_better
from kdseg_training.evaluation.comparison_results import (
    SMALLEST_COMPARED_CASES,
    ClassTest,
    Comparison,
    ModelMetric,
    PairComparison,
)
from kdseg_training.evaluation.means import honest, means_of_cases
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.metrics import (
    BootstrapResult,
    Interval,
    NonInferiority,
    Rank,
    Recovery,
    bootstrap_differences,
    case_means,
    holm,
    non_inferiority,
    paired_wilcoxon,
    rank_models,
    recovery,
    retention,
)
from kdseg_training.metrics.bootstrap import DEFAULT_RESAMPLES, Matrix
from kdseg_training.metrics.policies import PENALISED, RANKED


def compare(
    evaluation: Evaluation,
    teacher: Optional[str] = None,
    baseline: Optional[str] = None,
    margins: Optional[Mapping[str, float]] = None,
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare the models on the cases that were measured for all of them.

    With a teacher, every other model is compared with it; with a baseline, every further one with that, too; with neither,
    all with one another. Missed and hallucinated structures count as under
    :data:`~kdseg_training.metrics.policies.PENALISED`; a rightly empty prediction counts as perfect where another model
    hallucinates (:func:`~kdseg_training.evaluation.common_cells.common_cells`).

    Parameters
    ----------
    evaluation
        One or several models.
    teacher
        Name of the model that the others are to match.
    baseline
        Name of the small network that was trained alone, for the recovery.
    margins
        Largest accepted loss against the teacher by metric, above 0, in its units: ``{"dice": 0.01}``. It must have been set
        before the results were seen.
    resamples, seed
        Of the bootstrap by case.

    Raises
    ------
    InputError
        If there is no case that all models have, no structure in any of them, no such model, or a margin is not usable.
    """
    roles = checked_roles(evaluation, teacher, baseline)
    accepted = checked_margins(evaluation.settings, margins or {}, teacher)
    metrics = compared_metrics(evaluation.settings)
    cells = common_cells(evaluation)
    names = tuple(model.name for model in evaluation.models)
    draws = _Draws(resamples, seed)
    matrices = {metric: cells.matrices(evaluation, metric, PENALISED) for metric in metrics}
    enough = len(cells.cases) >= SMALLEST_COMPARED_CASES
    quality = {(name, metric): draws.means(matrices[metric][name]) for name in names for metric in metrics}
    common = Comparison(names, metrics, teacher, baseline, cells, quality, margins=accepted, resamples=resamples, seed=seed)
    if len(names) < 2:
        return common
    ranks = _ranks(evaluation, cells, metrics)
    if not enough:
        return replace(common, ranks=ranks)
    return replace(
        common,
        ranks=ranks,
        pairs=_pairs(evaluation, cells, matrices, _paired(names, *roles), draws),
        **_against_teacher(matrices, roles, accepted, draws),
    )


@dataclass(frozen=True)
class _Draws:
    """The same resamples for everything."""

    resamples: int
    seed: int

    def means(self, matrix: Matrix) -> BootstrapResult:
        return means_of_cases(matrix, self.resamples, self.seed)

    def differences(self, baseline: Matrix, candidate: Matrix) -> BootstrapResult:
        by_class, macro = (
            bootstrap_differences(a, b, resamples=self.resamples, seed=self.seed)
            for a, b in ((baseline, candidate), (_macro(baseline), _macro(candidate)))
        )
        return BootstrapResult(tuple(map(honest, by_class.classes)), macro.macro)

    def non_inferiority(self, teacher: Matrix, student: Matrix, margin: float, larger_is_better: bool) -> NonInferiority:
        matrices = _macro(teacher), _macro(student)
        return non_inferiority(*matrices, margin, larger_is_better=larger_is_better, resamples=self.resamples, seed=self.seed)

    def retention(self, teacher: Matrix, student: Matrix) -> Interval:
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold none but the teacher's zeros
            return retention(_macro(teacher), _macro(student), resamples=self.resamples, seed=self.seed)

    def recovery(self, teacher: Matrix, student: Matrix, baseline: Matrix) -> Recovery:
        with np.errstate(divide="ignore", invalid="ignore"):  # or none but cases without a gap
            return recovery(*map(_macro, (teacher, student, baseline)), resamples=self.resamples, seed=self.seed)


def _macro(matrix: Matrix) -> Matrix:
    """Return each case's mean over its structures, as a matrix of one column."""
    return case_means(matrix)[:, np.newaxis]


def _ranks(evaluation: Evaluation, cells: CommonCells, metrics: Sequence[str]) -> Dict[ModelMetric, Rank]:
    found: Dict[ModelMetric, Rank] = {}
    for metric in metrics:
        ranked = rank_models(cells.matrices(evaluation, metric, RANKED), larger_is_better=is_larger_better(metric))
        found.update({(name, metric): rank for name, rank in ranked.items()})
    return found


def _paired(names: Sequence[str], teacher: Optional[str], baseline: Optional[str]) -> List[Tuple[str, str]]:
    """Return (baseline, candidate) of every comparison."""
    if teacher is None and baseline is None:
        return list(itertools.combinations(names, 2))
    pairs = [(teacher, name) for name in names if name != teacher] if teacher is not None else []
    if baseline is not None:
        pairs += [(baseline, name) for name in names if name not in {teacher, baseline}]
    return pairs


def _pairs(
    evaluation: Evaluation,
    cells: CommonCells,
    matrices: Mapping[str, Mapping[str, Matrix]],
    paired: Sequence[Tuple[str, str]],
    draws: _Draws,
) -> Tuple[PairComparison, ...]:
    found: List[PairComparison] = []
    for metric, values in matrices.items():
        ranked = cells.matrices(evaluation, metric, RANKED)
        differences = [draws.differences(values[base], values[other]) for base, other in paired]
        macro = [paired_wilcoxon(case_means(values[base]), case_means(values[other])) for base, other in paired]
        single = [
            [paired_wilcoxon(ranked[base][:, place], ranked[other][:, place]) for place in range(len(cells.labels))]
            for base, other in paired
        ]
        macro_p = holm([test.p_value for test in macro])
        single_p = iter(holm([test.p_value for tests in single for test in tests]))
        for place, (base, other) in enumerate(paired):
            difference = differences[place]
            classes = tuple(
                ClassTest(label, interval, test, next(single_p))
                for label, interval, test in zip(cells.labels, difference.classes, single[place])
            )
            found.append(PairComparison(base, other, metric, difference.macro, macro[place], macro_p[place], classes))
    return tuple(found)


def _against_teacher(
    matrices: Mapping[str, Mapping[str, Matrix]],
    roles: Tuple[Optional[str], Optional[str]],
    margins: Mapping[str, float],
    draws: _Draws,
) -> Dict[str, Any]:
    teacher, baseline = roles
    if teacher is None:
        return {}
    retained: Dict[ModelMetric, Interval] = {}
    inferiority: Dict[ModelMetric, NonInferiority] = {}
    recovered: Dict[ModelMetric, Recovery] = {}
    for metric, values in matrices.items():
        larger = is_larger_better(metric)
        for name in values:
            if name == teacher:
                continue
            pair = values[teacher], values[name]
            if larger and case_means(pair[0]).any():
                retained[name, metric] = draws.retention(*pair)
            if metric in margins:
                inferiority[name, metric] = draws.non_inferiority(*pair, margins[metric], larger)
            if baseline is not None and name != baseline:
                recovered[name, metric] = draws.recovery(*pair, values[baseline])
    return {"retained": retained, "inferiority": inferiority, "recovered": recovered}
