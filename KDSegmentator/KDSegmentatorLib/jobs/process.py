"""The child process that segments."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

from KDSegmentatorLib.jobs.child_process import ChildProcess
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.messages import Message
from KDSegmentatorLib.jobs.outcome import Outcome, judge
from KDSegmentatorLib.jobs.request import JobRequest


class StudentProcess(ChildProcess):
    """One segmentation.

    Parameters
    ----------
    request
        What to do.
    on_event, on_finished, python, folder
        As for :class:`~KDSegmentatorLib.jobs.child_process.ChildProcess`.
    """

    def __init__(
        self,
        request: JobRequest,
        *,
        on_event: Optional[Callable[[Message], None]] = None,
        on_finished: Optional[Callable[[Outcome], None]] = None,
        python: Optional[str] = None,
        folder: Optional[JobFolder] = None,
    ) -> None:
        self.request = asked = replace(request, private_folder=True)
        super().__init__(
            "kdseg.worker",
            asked.to_json().encode("ascii"),
            threads=asked.threads,
            judge=lambda ended, cancelled: judge(asked, ended, cancelled=cancelled),
            on_event=on_event,
            on_finished=on_finished,
            python=python,
            folder=folder,
        )
