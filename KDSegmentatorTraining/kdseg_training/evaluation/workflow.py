"""An evaluation from a job to its files: match, find the labels, measure, compare, write."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import Cancelled, InstallationError, KDSegError
from kdseg.progress import CancelCallback
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.comparison import compare
from kdseg_training.evaluation.comparison_results import Comparison
from kdseg_training.evaluation.executors import Executor
from kdseg_training.evaluation.job import EvaluationJob
from kdseg_training.evaluation.labels import LabelTable, read_labels
from kdseg_training.evaluation.measure import read_pair
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.evaluation.results_json import finite_or_text
from kdseg_training.evaluation.run import (
    MatchedModel,
    ProgressCallback,
    evaluate_matched,
    find_labels,
    match_models,
    refuse_missing,
)
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.evaluation.structures import counted, structure_mask
from kdseg_training.evaluation.worst_place import largest_error_of_masks
from kdseg_training.evaluation.writers import EvaluationFiles, require_writable, write_evaluation

OpenExecutor = Callable[[Sequence[Pair]], ContextManager[Executor]]
"""Opens where the given cases are measured."""


@dataclass(frozen=True)
class JobOutcome:
    """What an evaluation left.

    Attributes
    ----------
    evaluation, comparison
        The numbers; no comparison where it cannot be made, and ``uncompared`` says why.
    table
        The structures and where their names come from.
    files
        What was written.
    """

    evaluation: Evaluation
    table: LabelTable
    files: EvaluationFiles
    comparison: Optional[Comparison] = None
    uncompared: str = ""


@dataclass(frozen=True)
class Watcher:
    """Who watches a job; nobody by default.

    Attributes
    ----------
    say
        Takes sentences for people.
    progress
        Called after each case.
    cancel
        Tells whether to stop.
    commit
        Asked once before anything is written; False means that the job is being ended.
    command
        How the job was started, for the report.
    """

    say: Callable[[str], None] = lambda _: None
    progress: Optional[ProgressCallback] = None
    cancel: Optional[CancelCallback] = None
    commit: Callable[[], bool] = lambda: True
    command: str = ""


def carry_out(job: EvaluationJob, open_executor: OpenExecutor, watcher: Optional[Watcher] = None) -> JobOutcome:
    """Evaluate and write; nothing is written before every case ended.

    Raises
    ------
    InputError
        If a folder is not usable, predictions are missing and may not, or no structure is found.
    EngineError, WorkerError
        If nobody can measure.
    OutputError
        If the results cannot be written; told before the first case where that can be seen.
    InstallationError
        If a report is wanted and matplotlib is not installed.
    Cancelled
        If the watcher says so.
    """
    watcher = watcher or Watcher()
    require_writable(job.output)
    if job.report:
        _require_report(job)
    models = match_models(job.models, job.reference)
    if not job.allow_missing:
        refuse_missing(models)
    _tell_unmatched(models, watcher)
    with open_executor([pair for model in models for pair in model.matching.pairs]) as executor:
        table = _labels(job, models, executor, watcher)
        settings = job.settings(table)
        watcher.say(f"Structures ({table.source}): {', '.join(f'{v} {name}' for v, name in settings.labels.items())}")
        evaluation = evaluate_matched(
            models, job.reference, settings, executor, progress=watcher.progress, cancel=watcher.cancel
        )
    if watcher.command:
        evaluation = replace(evaluation, environment={"command": watcher.command, **evaluation.environment})
    comparison, uncompared = _compare(job, evaluation)
    if not watcher.commit():
        raise Cancelled("The evaluation was cancelled.", remedy="Nothing was written; start it again when you like.")
    files = _write(job, evaluation, comparison)
    return JobOutcome(evaluation, table, files, comparison, uncompared)


def _write(job: EvaluationJob, evaluation: Evaluation, comparison: Optional[Comparison]) -> EvaluationFiles:
    files = write_evaluation(evaluation, job.output)
    if comparison is not None:
        files = replace(files, comparison=_write_json(job.output / "comparison.json", comparison.as_data()))
    if job.worst_places:
        files = replace(files, worst_places=_write_json(job.output / "worst_places.json", worst_places(evaluation)))
    if job.report:
        files = replace(files, report=_write_report(job, evaluation, comparison))
    return files


def worst_places(evaluation: Evaluation) -> List[Dict[str, Any]]:
    """Return where each structure of each measured case is most wrong, as plain data; structures in neither are left out."""
    found: List[Dict[str, Any]] = []
    for model in evaluation.models:
        measured = {case.case for case in model.cases}
        for pair in model.pairs:
            if pair.case in measured:
                found += [{"model": model.name, **place} for place in _places(pair, evaluation.settings)]
    return found


def _places(pair: Pair, settings: EvaluationSettings) -> List[Dict[str, Any]]:
    prediction, reference, _ = counted(*read_pair(pair, settings)[:2], settings)
    places = []
    for label, name in settings.labels.items():
        masks = [structure_mask(segmentation.labels, label, settings) for segmentation in (prediction, reference)]
        place = largest_error_of_masks(masks[0], masks[1], reference.geometry, settings.definition)
        if place is not None:
            places.append(
                {
                    "case": pair.case,
                    "label": label,
                    "structure": name,
                    "point_lps_mm": list(place.point_lps_mm),
                    "index_zyx": list(place.index_zyx),
                    "distance_mm": finite_or_text(place.distance_mm),
                    "status": place.status.value,
                    "surface": place.surface,
                }
            )
    return places


def _labels(job: EvaluationJob, models: Sequence[MatchedModel], executor: Executor, watcher: Watcher) -> LabelTable:
    if isinstance(job.labels, Mapping):
        return LabelTable(job.labels, "as given")
    if job.labels is not None:
        return read_labels(job.labels)
    return find_labels(models, job.reference, executor, watcher.cancel)


def _tell_unmatched(models: Sequence[MatchedModel], watcher: Watcher) -> None:
    for model in models:
        for names, what in (
            (model.matching.only_reference, "no prediction, in no average"),
            (model.matching.only_prediction, "no reference, not measured"),
        ):
            if names:
                watcher.say(f"{model.name}: {len(names)} case(s) with {what}: {', '.join(names)}")


def _compare(job: EvaluationJob, evaluation: Evaluation) -> Tuple[Optional[Comparison], str]:
    try:
        return compare(evaluation, job.teacher, job.baseline, job.margins), ""
    except KDSegError as error:  # for example when every case was refused: the tables still say so
        return None, str(error)


def _require_report(job: EvaluationJob) -> None:
    """Find out before the first case whether the report can be made."""
    from kdseg_training.evaluation.report.images import Images

    if importlib.util.find_spec("matplotlib") is None:
        raise InstallationError(
            "The report needs matplotlib.",
            expected="the package matplotlib",
            found="none",
            remedy="Install kdsegmentator with the extra 'training', or write no report (--no-html).",
        )
    Images(job.images)


def _write_report(job: EvaluationJob, evaluation: Evaluation, comparison: Optional[Comparison]) -> Path:
    from kdseg_training.evaluation.report import write_report

    path = job.output / "report.html"
    write_report(evaluation, comparison, path, images=job.images)
    return path


def _write_json(path: Path, data: Any) -> Path:
    write_bytes(path, (json.dumps(data, indent=1, allow_nan=False) + "\n").encode("ascii"))
    return path
