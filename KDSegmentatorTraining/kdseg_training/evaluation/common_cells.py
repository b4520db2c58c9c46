"""The cells, case by structure, in which models can be compared: the same ones for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from kdseg.errors import InputError
from kdseg_training.evaluation.compared_metrics import is_larger_better
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.metrics.aggregation import metric_matrix
from kdseg_training.metrics.bootstrap import Matrix
from kdseg_training.metrics.definitions import Status
from kdseg_training.metrics.policies import EmptyMaskPolicy


@dataclass(frozen=True)
class CommonCells:
    """What was compared.

    Attributes
    ----------
    cases
        Names of the cases that were measured for every model, sorted.
    left_out
        Cases that some models were measured on and not all, sorted.
    labels
        Structures that the reference or a model holds in at least one of the cases.
    absent
        Structures that none of them holds in any; there is nothing to compare.
    rightly_empty
        Cells, counted over all models, where a model is rightly empty and another one hallucinates; they count as perfect.
    """

    cases: Tuple[str, ...]
    left_out: Tuple[str, ...]
    labels: Tuple[int, ...]
    absent: Tuple[int, ...]
    rightly_empty: int

    def matrices(self, evaluation: Evaluation, metric: str, policy: EmptyMaskPolicy) -> Dict[str, Matrix]:
        """Return one metric of every model, shape (case, class), with NaN in the same cells of all.

        A cell is NaN where neither the reference nor any model holds the structure. Where the reference does not hold it and a
        model is empty, too, but another one is not, the first is right: overlap 1, distance 0. Otherwise hallucinations could
        not be compared with anything and would drop out.

        Parameters
        ----------
        evaluation
            The one that the cells are of.
        metric
            A column with overlap or distances.
        policy
            What a missed or hallucinated structure counts for; it must leave out what neither mask holds, and nothing else.
        """
        perfect = 1.0 if is_larger_better(metric) else 0.0
        found = {name: metric_matrix(cases, self.labels, metric, policy) for name, cases in evaluation.paired_cases().items()}
        empty_for_all = np.all([np.isnan(matrix) for matrix in found.values()], axis=0)
        return {name: np.where(np.isnan(m) & ~empty_for_all, perfect, m) for name, m in found.items()}


def common_cells(evaluation: Evaluation) -> CommonCells:
    """Return the cells in which all models of an evaluation can be compared.

    Raises
    ------
    InputError
        If no case was measured for all models, or no structure occurs in any.
    """
    cases = evaluation.common_cases
    if not cases:
        raise InputError(
            "No case was measured for every model, so there is nothing to compare.",
            expected="at least one case in common",
            found="; ".join(f"{model.name}: {len(model.cases)} cases" for model in evaluation.models),
            remedy="Predict the missing cases, or see why they were refused.",
        )
    measured = evaluation.paired_cases().values()
    labels = tuple(evaluation.settings.labels)
    empty = np.array([[[case.classes[v].status is Status.BOTH_EMPTY for v in labels] for case in model] for model in measured])
    nowhere: List[bool] = np.asarray(empty.all(axis=(0, 1))).tolist()
    if all(nowhere):
        raise InputError(
            "None of the structures occurs in any reference or prediction.",
            expected=f"at least one of {', '.join(evaluation.settings.labels.values())}",
            remedy="Check the values of the labels.",
        )
    everyone = {case.case for model in evaluation.models for case in model.cases}
    return CommonCells(
        cases=cases,
        left_out=tuple(sorted(everyone - set(cases))),
        labels=tuple(label for label, gone in zip(labels, nowhere) if not gone),
        absent=tuple(label for label, gone in zip(labels, nowhere) if gone),
        rightly_empty=int((empty & ~empty.all(axis=0)).sum()),
    )
