"""The averages of one model on its own cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import numpy as np

from kdseg_training.evaluation.comparison_results import SMALLEST_COMPARED_CASES
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.metrics import Interval, bootstrap_means
from kdseg_training.metrics.aggregation import metric_matrix
from kdseg_training.metrics.bootstrap import Matrix
from kdseg_training.metrics.policies import DETECTED_ONLY, PENALISED


@dataclass(frozen=True)
class Average:
    """One metric of one model.

    Attributes
    ----------
    values
        Shape (case, class) in the order of the settings' labels; missed and hallucinated structures penalised, NaN where
        there is nothing to measure.
    detected
        The same, NaN wherever not both masks hold the structure.
    classes
        Mean of ``values`` over the cases for each label that has one.
    macro
        Mean of those means; None where there is none.
    """

    values: Matrix
    detected: Matrix
    classes: Dict[int, Interval]
    macro: Optional[Interval]


class Averages:
    """The averages of all models of an evaluation, each computed once.

    Parameters
    ----------
    evaluation
        With at least one measured case of every model that is asked for.
    resamples, seed
        Of the bootstrap.
    """

    def __init__(self, evaluation: Evaluation, resamples: int, seed: int) -> None:
        self._evaluation, self._resamples, self._seed = evaluation, resamples, seed
        self._known: Dict[Tuple[str, str], Average] = {}

    def of(self, model: ModelResult, metric: str) -> Average:
        """Return the average of one model in one metric."""
        key = (model.name, metric)
        if key not in self._known:
            self._known[key] = self._average(model, metric)
        return self._known[key]

    def _average(self, model: ModelResult, metric: str) -> Average:
        labels = list(self._evaluation.settings.labels)
        values = metric_matrix(model.cases, labels, metric, PENALISED)
        detected = metric_matrix(model.cases, labels, metric, DETECTED_ONLY)
        present = [place for place in range(len(labels)) if not np.isnan(values[:, place]).all()]
        if not present:
            return Average(values, detected, {}, None)
        matrix = values[:, present]
        if len(matrix) >= SMALLEST_COMPARED_CASES:
            result = bootstrap_means(matrix, resamples=self._resamples, seed=self._seed)
            classes, macro = result.classes, result.macro
        else:
            means, counts = np.nanmean(matrix, axis=0), np.isfinite(matrix).sum(axis=0)
            classes = tuple(_alone(float(mean), int(count)) for mean, count in zip(means, counts))
            macro = _alone(float(means.mean()), len(matrix))
        return Average(values, detected, dict(zip([labels[place] for place in present], classes)), macro)


def _alone(mean: float, cases: int) -> Interval:
    return Interval(mean, float("nan"), float("nan"), 0.95, cases)
