"""The averages of one model on its own cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import numpy as np

from kdseg_training.evaluation.means import means_of_cases
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.metrics import Interval
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
        Mean over the cases of each case's mean over its structures; None where there is none.
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
        result = means_of_cases(values[:, present], self._resamples, self._seed)
        return Average(values, detected, dict(zip([labels[place] for place in present], result.classes)), result.macro)
