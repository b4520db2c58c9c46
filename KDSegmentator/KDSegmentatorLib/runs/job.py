"""One volume through one child process: out of the scene, computed, and its result taken."""

from __future__ import annotations

import logging
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

import slicer
from kdseg.errors import KDSegError, WorkerError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.messages import Message
from KDSegmentatorLib.jobs.outcome import Failed, Outcome, Succeeded
from KDSegmentatorLib.jobs.process import StudentProcess
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.sources import Source

RESULT_NAME = "labels.nrrd"

Take = Callable[[Path, Mapping[str, Any]], None]
"""Takes the label map and the report of a child process that succeeded; what it raises makes the job fail."""


class VolumeJob:
    """One volume, one child process, one private folder.

    Parameters
    ----------
    source
        What is segmented.
    settings
        With which student, and how.
    take
        Takes the result; the file is removed afterwards.
    on_event
        Called with every message of the child.
    on_finished
        Called once, when the result was taken or there is none.
    """

    def __init__(
        self,
        source: Source,
        settings: RunSettings,
        *,
        take: Take,
        on_event: Callable[[Message], None],
        on_finished: Callable[[Outcome], None],
    ) -> None:
        self._source, self._settings = source, settings
        self._take, self._on_event, self._on_finished = take, on_event, on_finished
        self._process: Optional[StudentProcess] = None
        self._folder_path = Path()
        self._began = 0.0

    def start(self) -> None:
        """Write the volume and start the child.

        Raises
        ------
        InputError
            If the source cannot be segmented by the student.
        OutputError
            If there is no room for temporary files. Nothing is left behind.
        """
        self._source.check(self._settings)
        folder = JobFolder(Path(slicer.app.temporaryPath))
        self._folder_path = folder.path
        try:
            request = self._settings.request(self._source.paths(folder.path), folder.path / RESULT_NAME)
            self._process = StudentProcess(request, on_event=self._on_event, on_finished=self._ended, folder=folder)
            self._began = time.monotonic()
            self._process.start()
        except BaseException:
            folder.remove()
            raise

    def cancel(self) -> None:
        """Stop the child with everything it started; its end is told later, as Stopped."""
        if self._process is not None:
            self._process.cancel()

    def wait(self) -> None:
        """Return when the job has finished; Slicer stays alive meanwhile."""
        if self._process is not None:
            self._process.wait()

    def _ended(self, outcome: Outcome) -> None:
        if isinstance(outcome, Succeeded) and outcome.path is not None:
            self._remember(outcome.report)
            outcome = self._taken(outcome, outcome.path)
        if isinstance(outcome, Failed):
            outcome = Failed(self._with_source_name(outcome.error), outcome.details)
        self._on_finished(outcome)

    def _taken(self, outcome: Succeeded, path: Path) -> Outcome:
        try:
            self._take(path, outcome.report)
        except KDSegError as error:
            return Failed(error, traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - whatever it was, the run has failed and must say so
            return unexpected(error)
        return outcome

    def _remember(self, report: Mapping[str, Any]) -> None:
        """Keep how long it took, for the next estimate; a run does not fail for it."""
        if self._settings.rates is None:
            return
        try:
            self._settings.rates.remember(report, time.monotonic() - self._began)
        except Exception:  # an estimate is a service
            logging.exception("KDSegmentator: the time of the run was not kept")

    def _with_source_name(self, error: KDSegError) -> KDSegError:
        """Name the volume where the error names a file of the private folder, which is gone when the user reads it."""
        if error.path is None or self._folder_path not in Path(error.path).parents:
            return error
        KDSegError.__init__(
            error,
            error.problem,
            expected=error.expected,
            found=error.found,
            path=self._source.name,
            remedy=error.remedy,
        )
        return error


def unexpected(error: Exception) -> Failed:
    """Return the outcome for an error that nobody foresaw; call it where the error was caught."""
    logging.error("KDSegmentator: unexpected error", exc_info=error)
    if isinstance(error, KDSegError):
        return Failed(error, traceback.format_exc())
    problem = WorkerError(
        _("An unexpected error ended the run."),
        found=f"{type(error).__name__}: {error}",
        remedy=_("Copy the details and report them to the makers of KDSegmentator."),
    )
    return Failed(problem, traceback.format_exc())
