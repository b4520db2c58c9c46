"""A job of the companion package from its request to its result, computed in a child process."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Callable, Generic, Optional, Protocol, TypeVar, Union

import slicer
from kdseg.errors import KDSegError
from KDSegmentatorLib.jobs.child_process import ChildProcess
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.messages import LogMessage, Message, ProgressMessage
from KDSegmentatorLib.jobs.outcome import Ended, Failed, Outcome, Stopped, Succeeded, judge_output
from KDSegmentatorLib.runs.job import unexpected
from KDSegmentatorTrainingLib.companion import companion_folders

Result = TypeVar("Result")


class Request(Protocol):
    """What a child is asked."""

    @property
    def result(self) -> Path:
        """The file that the child writes and names in its last message."""

    def to_json(self) -> bytes:
        """Return the request as the child reads it."""


class CompanionJob(Generic[Result]):
    """One child process in a private folder.

    Parameters
    ----------
    package
        What is run, for example ``kdseg_training.evaluation``.
    prepare
        Makes the request; may write files into the private folder that it is given.
    take
        Makes the result of what a child left that succeeded; its folder is removed afterwards.
    threads
        CPU threads that libraries of the child may use.
    on_progress
        Called with what is being done and the share of the whole, 0 to 1.
    on_log
        Called with lines for people.
    on_finished
        Called once with the result, or why there is none.
    """

    def __init__(
        self,
        package: str,
        prepare: Callable[[Path], Request],
        take: Callable[[Succeeded], Result],
        *,
        threads: int,
        on_progress: Callable[[ProgressMessage], None],
        on_log: Callable[[str], None],
        on_finished: Callable[[Union[Result, Failed, Stopped]], None],
    ) -> None:
        self._package, self._prepare, self._take, self._threads = package, prepare, take, threads
        self._on_progress, self._on_log, self._on_finished = on_progress, on_log, on_finished
        self._process: Optional[ChildProcess] = None
        self._folder_path = Path()

    def start(self) -> None:
        """Write what the child needs and start it.

        Raises
        ------
        KDSegError
            If the inputs cannot be written; nothing is left behind.
        """
        folder = JobFolder(Path(slicer.app.temporaryPath))
        self._folder_path = folder.path
        try:
            request = self._prepare(folder.path)
            result = request.result

            def judge(ended: Ended, cancelled: bool) -> Outcome:
                return judge_output(result, ended, cancelled=cancelled)

            self._process = ChildProcess(
                self._package,
                request.to_json(),
                threads=self._threads,
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
        told = self._taken(outcome) if isinstance(outcome, Succeeded) else outcome
        if isinstance(told, Failed):
            told = Failed(_without_private_file(told.error, self._folder_path), told.details)
        self._on_finished(told)

    def _taken(self, outcome: Succeeded) -> Union[Result, Failed]:
        try:
            return self._take(outcome)
        except KDSegError as error:
            return Failed(error, traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - whatever it was, there is no result and the user has to see it
            return unexpected(error)


def _without_private_file(error: KDSegError, folder: Path) -> KDSegError:
    """Leave out a file of the private folder: it is gone when the user reads of it, and was never the user's."""
    if error.path is not None and folder in Path(error.path).parents:
        KDSegError.__init__(error, error.problem, expected=error.expected, found=error.found, path=None, remedy=error.remedy)
    return error
