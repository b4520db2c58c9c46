"""``python -m kdseg_training.profiling REQUEST.json``: profiles as a child process, with NumPy and ONNX Runtime alone.

The request is a :class:`~kdseg_training.profiling.request.ProfileJob`; life and messages are those of :mod:`kdseg.worker`. The
last message names the profile and its digest; its report has the card, rows for a table and points for a plot.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, NoReturn, Sequence

from kdseg.atomic import write_bytes
from kdseg.errors import Cancelled, WorkerError
from kdseg.worker.channel import Channel
from kdseg.worker.child import CANCELLED, CANCELLED_REMEDY, request_file, run_child
from kdseg.worker.main import PRIVATE_PREFIX
from kdseg.worker.messages import DoneMessage, LogMessage, ProgressMessage
from kdseg_training.profiling.card import card
from kdseg_training.profiling.files import keep_profile
from kdseg_training.profiling.json_data import to_data
from kdseg_training.profiling.points import chart_points
from kdseg_training.profiling.profiler import WORK_PREFIX, ProfileProgress, profile
from kdseg_training.profiling.ratios import ratios
from kdseg_training.profiling.request import ProfileJob
from kdseg_training.profiling.results import Profile

INTERVAL_S = 0.1
"""Progress of one text is told at most this often."""


class ProfileTask:
    """A :class:`kdseg.worker.child.Task`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._work = ""
        self._private = False

    def carry_out(self, channel: Channel, cancelled: Callable[[], bool], commit: Callable[[], bool]) -> DoneMessage:
        """Profile, write, and return the last message; errors as for :func:`~kdseg_training.profiling.profiler.profile`."""
        job = read_job(self._file)
        folder = self._file.parent
        self._private = folder.name.startswith(PRIVATE_PREFIX) and Path(job.output).parent == folder
        told: Dict[str, float] = {}

        def tell(progress: ProfileProgress) -> None:
            now = time.monotonic()
            if now - told.get(progress.text, 0.0) < INTERVAL_S:
                return
            told[progress.text] = now
            fraction = round(progress.fraction, 4)
            channel.send(ProgressMessage(progress.text, fraction, fraction, progress.seconds_left))

        self._work = tempfile.mkdtemp(prefix=WORK_PREFIX)
        found = profile(job.request, progress=tell, cancel=lambda: cancelled() or channel.broken, work=self._work)
        for warning in found.warnings:
            channel.send(LogMessage(warning))
        if not commit():
            raise Cancelled(CANCELLED, remedy=CANCELLED_REMEDY)
        content = found.to_json().encode("utf-8", "backslashreplace")
        write_bytes(job.output, content)
        kept = str(keep_profile(found)) if job.keep else None
        digest = hashlib.sha256(content).hexdigest()
        return DoneMessage(job.output, digest, {**report(found), "kept": kept})

    def clean_up(self, *, failed: bool, orphaned: bool) -> None:
        """Remove volume and label maps; the processes that were started end with this one, as their standard input does.

        The private folder, with the volume of a patient in it, goes where nobody is there any more who would remove it.
        """
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)
        if orphaned and self._private:
            shutil.rmtree(self._file.parent, ignore_errors=True)


def report(found: Profile) -> Dict[str, object]:
    """Return card, table rows, points for a plot, ratios and warnings as plain data."""
    rows = [found.summary_row(subject, measurement) for subject in found.subjects for measurement in subject.measurements]
    return {
        "card": card(found),
        "rows": to_data(rows),
        "points": to_data(chart_points(found)),
        "ratios": to_data(ratios(found)),
        "warnings": list(found.warnings),
    }


def read_job(path: Path) -> ProfileJob:
    """Read the file.

    Raises
    ------
    WorkerError
        If it cannot be read.
    ConfigurationError
        If it is not a job.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkerError("The request cannot be read.", found=error.strerror or str(error), path=path) from error
    return ProfileJob.from_json(content, path=path)


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the child; never returns."""
    run_child(ProfileTask(request_file(arguments, "kdseg_training.profiling")))


if __name__ == "__main__":
    main(sys.argv[1:])
