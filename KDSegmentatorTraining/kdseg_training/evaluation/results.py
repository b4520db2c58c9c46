"""What an evaluation found: raw values of every case of every model, and what could not be measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Tuple, Union

from kdseg.errors import KDSegError
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.aggregation import StatusCounts, count_statuses
from kdseg_training.metrics.results import CaseMetrics


@dataclass(frozen=True)
class ModelResult:
    """One model on the cases of the reference.

    Attributes
    ----------
    name
        Its name; names differ within an evaluation.
    folder
        Its predictions: a folder, or one file.
    cases
        Metrics of the cases that were measured, sorted by name.
    failed
        Name and reason of the cases that were refused, sorted by name.
    missing
        Cases of the reference without a prediction, sorted. They are in no average.
    unexpected
        Predictions without a reference, sorted.
    pairs
        The files of ``cases`` and ``failed``, sorted by case.
    ignored_voxels
        Voxels left out because the reference marks them as not labelled, by case; only where there are any.
    notes
        What is worth telling, with the case's name: harmless faults of files, values that are not measured, and the traceback
        of an error that is a bug.
    """

    name: str
    folder: str
    cases: Tuple[CaseMetrics, ...]
    failed: Tuple[Tuple[str, KDSegError], ...] = ()
    missing: Tuple[str, ...] = ()
    unexpected: Tuple[str, ...] = ()
    pairs: Tuple[Pair, ...] = ()
    ignored_voxels: Mapping[str, int] = field(default_factory=dict)
    notes: Tuple[Tuple[str, str], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every case of the reference was measured."""
        return not (self.failed or self.missing)

    def statuses(self, label: int) -> StatusCounts:
        """Count the measured cases of one structure by status."""
        return count_statuses(self.cases, label)


@dataclass(frozen=True)
class Evaluation:
    """All models of one evaluation.

    Attributes
    ----------
    settings
        How every case was measured.
    reference
        Folder or file of the reference.
    models
        In the order in which they were named; at least one.
    environment
        Plain data: versions, hardware, engine, workers, seconds. The numbers do not depend on it.

    Raises
    ------
    ValueError
        If there is no model, or two have one name.
    """

    settings: EvaluationSettings
    reference: str
    models: Tuple[ModelResult, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"every model needs a name of its own, found {names}")

    def model(self, name: str) -> ModelResult:
        """Return the model of that name; ValueError if there is none."""
        for model in self.models:
            if model.name == name:
                return model
        raise ValueError(f"no model {name!r}; there are {', '.join(model.name for model in self.models)}")

    @property
    def common_cases(self) -> Tuple[str, ...]:
        """Names of the cases that were measured for every model, sorted: comparisons are made on these."""
        names = [{case.case for case in model.cases} for model in self.models]
        return tuple(sorted(set.intersection(*names)))

    def paired_cases(self, *names: str) -> Dict[str, Tuple[CaseMetrics, ...]]:
        """Return, for each of the named models (all of them by default), its metrics of :attr:`common_cases` in that order."""
        common = self.common_cases
        chosen = [self.model(name) for name in names] if names else list(self.models)
        return {model.name: tuple(by_case[case] for case in common) for model in chosen for by_case in [_by_case(model)]}

    def to_json(self) -> str:
        """Return the evaluation as text; NaN is ``null``, infinity ``"inf"``."""
        from kdseg_training.evaluation.results_json import evaluation_to_json

        return evaluation_to_json(self)

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> Evaluation:
        """Return the evaluation that :meth:`to_json` wrote; every number has the same bits.

        Raises
        ------
        InputError
            If it is not such a text.
        """
        from kdseg_training.evaluation.results_json import evaluation_from_json

        return evaluation_from_json(text)


def _by_case(model: ModelResult) -> Dict[str, CaseMetrics]:
    return {case.case: case for case in model.cases}
