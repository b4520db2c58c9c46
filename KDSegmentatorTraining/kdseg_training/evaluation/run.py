"""Measure every case of every model."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import InputError, PathLike
from kdseg.progress import CancelCallback
from kdseg_training.evaluation.cases import Matching, Pair, match_cases
from kdseg_training.evaluation.executors import Executor, InProcess, Outcome
from kdseg_training.evaluation.labels import LabelTable, labels_in, nearby_labels, union_of_labels
from kdseg_training.evaluation.measure import measure
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.engines import measuring_function


@dataclass(frozen=True)
class CaseProgress:
    """One case has ended.

    Attributes
    ----------
    done, total
        Cases of all models.
    model, case
        Which one ended.
    seconds_left
        Estimated time until the last one ends, in seconds.
    """

    done: int
    total: int
    model: str
    case: str
    seconds_left: float


ProgressCallback = Callable[[CaseProgress], None]
"""Called after each case; must return quickly."""


@dataclass(frozen=True)
class MatchedModel:
    """A model, its predictions and their partners in the reference."""

    name: str
    folder: str
    matching: Matching


def match_models(models: Mapping[str, PathLike], reference: PathLike) -> Tuple[MatchedModel, ...]:
    """Match the predictions of every model, by name, with the reference.

    Raises
    ------
    InputError
        As :func:`~kdseg_training.evaluation.cases.match_cases`; also if no case of a model has a partner.
    """
    matched = tuple(MatchedModel(name, str(path), match_cases(path, reference)) for name, path in models.items())
    for model in matched:
        if not model.matching.pairs:
            raise InputError(
                f"No prediction of {model.name} has the name of a reference.",
                expected=_first(model.matching.only_reference),
                found=_first(model.matching.only_prediction),
                path=model.folder,
                remedy=_naming_remedy(model.matching),
            )
    return matched


def _naming_remedy(matching: Matching) -> str:
    if all(re.fullmatch(r"(.+)_0000", name) for name in matching.only_prediction):
        return "Take _0000 out of the names of the predictions: it is nnU-Net's mark of an image's channel."
    return "Name the predictions like their references; endings may differ."


def refuse_missing(models: Sequence[MatchedModel]) -> None:
    """Raise InputError, naming every case, if a model lacks a prediction for a case of the reference."""
    lacking = [model for model in models if model.matching.only_reference]
    if lacking:
        raise InputError(
            "Predictions are missing.",
            expected="a prediction of every model for every case of the reference",
            found="; ".join(f"{model.name} lacks {', '.join(model.matching.only_reference)}" for model in lacking),
            path=lacking[0].folder,
            remedy="Predict the missing cases, or allow them to be missing (--allow-missing): they are then in no average.",
        )


def find_labels(
    models: Sequence[MatchedModel],
    reference: PathLike,
    executor: Optional[Executor] = None,
    cancel: Optional[CancelCallback] = None,
) -> LabelTable:
    """Return the structures of a ``dataset.json`` near the files, else the union of the values in all of them.

    Raises
    ------
    InputError
        If there is nothing to measure.
    BundleError
        If ``dataset.json`` is not valid.
    """
    table = nearby_labels(reference, [model.folder for model in models])
    if table is not None:
        return table
    pairs = [pair for model in models for pair in model.matching.pairs]
    outcomes: List[Optional[Outcome]] = [None] * len(pairs)
    for position, outcome in (executor or InProcess()).run(labels_in, pairs, cancel):
        outcomes[position] = outcome
    return union_of_labels(outcome.value for outcome in outcomes if outcome is not None and outcome.failure is None)


def evaluate(
    models: Mapping[str, PathLike],
    reference: PathLike,
    settings: EvaluationSettings,
    executor: Optional[Executor] = None,
    *,
    progress: Optional[ProgressCallback] = None,
    cancel: Optional[CancelCallback] = None,
) -> Evaluation:
    """Measure the predictions of one or several models against one reference.

    A case that cannot be measured is told in ``failed`` of its model; the others are measured all the same.

    Parameters
    ----------
    models
        A folder of predictions (or one file) by the model's name.
    reference
        The folder of references (or one file).
    settings
        What to measure.
    executor
        Where; in this process by default. The numbers and their order do not depend on it.
    progress, cancel
        Called after each case, asked before each.

    Raises
    ------
    InputError
        If a folder is not usable, or no case of a model has a partner.
    EngineError
        If the engine of the settings is not installed.
    WorkerError
        If there is nobody to compute.
    Cancelled
        If ``cancel`` says so.
    """
    return evaluate_matched(match_models(models, reference), reference, settings, executor, progress=progress, cancel=cancel)


def evaluate_matched(
    models: Sequence[MatchedModel],
    reference: PathLike,
    settings: EvaluationSettings,
    executor: Optional[Executor] = None,
    *,
    progress: Optional[ProgressCallback] = None,
    cancel: Optional[CancelCallback] = None,
) -> Evaluation:
    """Do what :func:`evaluate` does with models that are matched already."""
    measuring_function(settings.engine)  # an engine that is missing is told at once, not once for each case
    executor = executor or InProcess()
    began = time.perf_counter()
    work = [(model, pair) for model in models for pair in model.matching.pairs]
    outcomes: Dict[int, Outcome] = {}
    for position, outcome in executor.run(partial(measure, settings=settings), [pair for _, pair in work], cancel):
        outcomes[position] = outcome
        if progress is not None:
            left = (time.perf_counter() - began) / len(outcomes) * (len(work) - len(outcomes))
            model, pair = work[position]
            progress(CaseProgress(len(outcomes), len(work), model.name, pair.case, left))
    results = []
    for model in models:
        own = [(pair, outcomes[position]) for position, (owner, pair) in enumerate(work) if owner is model]
        results.append(_result(model, own))
    environment = _environment(settings, executor, time.perf_counter() - began)
    return Evaluation(settings, str(reference), tuple(results), environment)


def _result(model: MatchedModel, outcomes: Sequence[Tuple[Pair, Outcome]]) -> ModelResult:
    measured = [(pair, outcome.value) for pair, outcome in outcomes if outcome.failure is None]
    failed = [(pair.case, outcome.error) for pair, outcome in outcomes]
    notes = [(pair.case, note) for pair, measurement in measured for note in measurement.notes]
    notes += [(pair.case, outcome.details) for pair, outcome in outcomes if outcome.details]
    return ModelResult(
        name=model.name,
        folder=model.folder,
        cases=tuple(measurement.metrics for _, measurement in measured),
        failed=tuple((case, error) for case, error in failed if error is not None),
        missing=model.matching.only_reference,
        unexpected=model.matching.only_prediction,
        pairs=model.matching.pairs,
        ignored_voxels={pair.case: m.ignored_voxels for pair, m in measured if m.ignored_voxels},
        notes=tuple(notes),
    )


def _environment(settings: EvaluationSettings, executor: Executor, seconds: float) -> Dict[str, Any]:
    from kdseg.hardware import describe_hardware
    from kdseg.versions import versions

    compiled = measuring_function(settings.engine).__module__.rpartition(".")[2] != "numpy_engine"
    return {
        "versions": versions(),
        "hardware": describe_hardware().as_dict(),
        "surface_engine": "numba" if compiled else "numpy",
        "seconds": round(seconds, 3),
        "finished_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **executor.describe(),
    }


def _first(names: Tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
