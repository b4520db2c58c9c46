"""The child process that evaluates, for Slicer: no torch, one process, messages as :mod:`kdseg.worker.messages`.

``progress`` tells the stages ``measure`` and ``write``; ``log`` what is worth reading; ``done`` names ``evaluation.json`` with
its digest and, in its report, the other files and the cases that could not be measured.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, NoReturn, Optional, Sequence

from kdseg.errors import OutputError, WorkerError
from kdseg.worker.channel import Channel
from kdseg.worker.child import limit_blas, request_file, run_child
from kdseg.worker.error_data import error_as_data
from kdseg.worker.messages import DoneMessage, LogMessage, ProgressMessage

if TYPE_CHECKING:
    from kdseg_training.evaluation.executors import Executor
    from kdseg_training.evaluation.job import EvaluationJob
    from kdseg_training.evaluation.run import CaseProgress
    from kdseg_training.evaluation.workflow import JobOutcome

PRIVATE_PREFIX = "kdseg-job-"
"""How the name of a job's private folder begins; no other folder is ever removed."""


class EvaluationTask:
    """A :class:`kdseg.worker.child.Task` that carries out one request file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._job: Optional[EvaluationJob] = None

    def carry_out(self, channel: Channel, cancelled: Callable[[], bool], commit: Callable[[], bool]) -> DoneMessage:
        """Evaluate and return what was written; see :func:`kdseg_training.evaluation.workflow.carry_out`."""
        limit_blas(1)
        from kdseg_training.evaluation.workflow import Watcher, carry_out

        self._job = read_job(self._file)
        if self._job.private_folder:
            tempfile.tempdir = str(self._file.parent)
        channel.send(ProgressMessage("measure", 0.0, 0.0, None))
        watcher = Watcher(
            say=lambda text: channel.send(LogMessage(text)),
            progress=lambda progress: channel.send(_message(progress)),
            cancel=lambda: cancelled() or channel.broken,
            commit=commit,
        )
        outcome = carry_out(self._job, lambda _: _in_process(), watcher)
        channel.send(ProgressMessage("write", 1.0, 1.0, 0.0))
        return DoneMessage(str(outcome.files.evaluation), _digest(outcome.files.evaluation), report(outcome))

    def clean_up(self, *, failed: bool, orphaned: bool) -> None:
        """Leave no half-written file, and no private folder that nobody will take."""
        if self._job is None:
            return
        if failed and self._job.output.is_dir():
            for path in self._job.output.glob(".kdseg-????????-*"):
                path.unlink()
        if orphaned and self._job.private_folder and self._file.parent.name.startswith(PRIVATE_PREFIX):
            shutil.rmtree(self._file.parent, ignore_errors=True)


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the child; never returns. Without exactly one argument the exit code is 2."""
    run_child(EvaluationTask(request_file(arguments, "kdseg_training.evaluation")))


def read_job(path: Path) -> EvaluationJob:
    """Read the request file.

    Raises
    ------
    WorkerError
        If it cannot be read.
    ConfigurationError
        If it is not a valid request.
    """
    from kdseg_training.evaluation.job import EvaluationJob

    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkerError("The request cannot be read.", found=error.strerror or str(error), path=path) from error
    return EvaluationJob.from_json(content)


def report(outcome: JobOutcome) -> Dict[str, Any]:
    """Return what the last message tells: files, structures, and every case that is in no average, with its reason."""
    return {
        "files": [str(path) for path in outcome.files.paths],
        "labels": {str(label): name for label, name in outcome.evaluation.settings.labels.items()},
        "labels_source": outcome.table.source,
        "uncompared": outcome.uncompared,
        "models": [
            {
                "name": model.name,
                "measured": len(model.cases),
                "failed": [{"case": case, "error": error_as_data(error)} for case, error in model.failed],
                "missing": list(model.missing),
                "unexpected": list(model.unexpected),
                "notes": [list(note) for note in model.notes],
            }
            for model in outcome.evaluation.models
        ],
        "environment": dict(outcome.evaluation.environment),
    }


@contextmanager
def _in_process() -> Iterator[Executor]:
    from kdseg_training.evaluation.executors import InProcess

    yield InProcess()


def _message(progress: CaseProgress) -> ProgressMessage:
    share = progress.done / progress.total
    return ProgressMessage("measure", round(share, 4), round(share, 4), round(progress.seconds_left, 2))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise OutputError("The result is gone.", found=error.strerror or str(error), path=path) from error
