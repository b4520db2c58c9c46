"""One comparison from two nodes or folders to its rows, computed in a child process."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional, Union

import slicer
from kdseg.errors import KDSegError
from KDSegmentatorLib.jobs.child_process import ChildProcess
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.messages import LogMessage, Message, ProgressMessage
from KDSegmentatorLib.jobs.outcome import Ended, Failed, Outcome, Stopped, Succeeded, judge_output
from KDSegmentatorLib.runs.job import unexpected
from KDSegmentatorTrainingLib.companion import companion_folders
from KDSegmentatorTrainingLib.evaluate.export import ExportedPair
from KDSegmentatorTrainingLib.evaluate.request import PACKAGE, PLACES_NAME, EvaluationRequest
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult, read_result

Prepare = Callable[[Path], EvaluationRequest]
"""Makes the request; may write files into the private folder that it is given."""

Told = Union[EvaluationResult, Failed, Stopped]


class EvaluationJob:
    """One child process in a private folder.

    Parameters
    ----------
    prepare
        Makes the request.
    on_progress
        Called with what is being done and the share of the whole, 0 to 1.
    on_log
        Called with lines for people.
    on_finished
        Called once with the result, or why there is none.
    """

    def __init__(
        self,
        prepare: Prepare,
        *,
        on_progress: Callable[[ProgressMessage], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[Told], None],
    ) -> None:
        self._prepare = prepare
        self._on_progress, self._on_log, self._on_finished = on_progress, on_log, on_finished
        self._process: Optional[ChildProcess] = None

    def start(self) -> None:
        """Write what the child needs and start it.

        Raises
        ------
        KDSegError
            If the inputs cannot be written; nothing is left behind.
        """
        folder = JobFolder(Path(slicer.app.temporaryPath))
        try:
            request = self._prepare(folder.path)

            def judge(ended: Ended, cancelled: bool) -> Outcome:
                return judge_output(request.result, ended, cancelled=cancelled)

            self._process = ChildProcess(
                PACKAGE,
                request.to_json(),
                threads=1,
                judge=judge,
                search_folders=companion_folders(),
                on_event=self._event,
                on_finished=self._ended,
                folder=folder,
            )
            self._process.start()
        except BaseException:
            folder.remove()
            raise

    def cancel(self) -> None:
        """Stop the child; its end is told later, as Stopped."""
        if self._process is not None:
            self._process.cancel()

    def _event(self, message: Message) -> None:
        if isinstance(message, ProgressMessage):
            self._on_progress(message)
        elif isinstance(message, LogMessage):
            self._on_log(message.text)

    def _ended(self, outcome: Outcome) -> None:
        self._on_finished(_result(outcome) if isinstance(outcome, Succeeded) else outcome)


def of_one_case(result: EvaluationResult, exported: ExportedPair, case: str) -> EvaluationResult:
    """Return the rows of all sheets of one pair of nodes as those of one case, in the order of the structures."""
    kept = [row for row in result.rows if row.label in exported.sheets.get(row.case, frozenset())]
    rows = tuple(replace(row, case=case) for row in sorted(kept, key=lambda row: row.label))
    return replace(result, rows=rows, structures=tuple(exported.labels.values()), files={})


def _result(outcome: Succeeded) -> Told:
    try:
        if outcome.path is None:
            raise ValueError("an evaluation has a result")
        places = outcome.path.parent / PLACES_NAME
        return read_result(outcome.path.read_bytes(), places.read_bytes() if places.is_file() else b"[]")
    except KDSegError as error:
        return Failed(error, traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - whatever it was, there is no result and the user has to see it
        return unexpected(error)
