"""A comparison in a child process, and its rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Union

from KDSegmentatorLib.jobs.messages import ProgressMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped, Succeeded
from KDSegmentatorTrainingLib.companion_job import CompanionJob
from KDSegmentatorTrainingLib.evaluate.export import ExportedPair
from KDSegmentatorTrainingLib.evaluate.request import PACKAGE, PLACES_NAME, EvaluationRequest
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult, read_result

Prepare = Callable[[Path], EvaluationRequest]
"""Makes the request; may write files into the private folder that it is given."""

Told = Union[EvaluationResult, Failed, Stopped]


def evaluation_job(
    prepare: Prepare,
    *,
    on_progress: Callable[[ProgressMessage], None],
    on_log: Callable[[str], None],
    on_finished: Callable[[Told], None],
) -> CompanionJob[EvaluationResult]:
    """Return the job; see :class:`~KDSegmentatorTrainingLib.companion_job.CompanionJob`."""
    return CompanionJob(PACKAGE, prepare, _result, threads=1, on_progress=on_progress, on_log=on_log, on_finished=on_finished)


def of_one_case(result: EvaluationResult, exported: ExportedPair, case: str) -> EvaluationResult:
    """Return the rows of all sheets of one pair of nodes as those of one case, in the order of the structures."""
    kept = [row for row in result.rows if row.label in exported.sheets.get(row.case, frozenset())]
    rows = tuple(replace(row, case=case) for row in sorted(kept, key=lambda row: row.label))
    return replace(result, rows=rows, structures=tuple(exported.labels.values()), files={})


def _result(outcome: Succeeded) -> EvaluationResult:
    if outcome.path is None:
        raise ValueError("an evaluation has a result")
    places = outcome.path.parent / PLACES_NAME
    return read_result(outcome.path.read_bytes(), places.read_bytes() if places.is_file() else b"[]")
