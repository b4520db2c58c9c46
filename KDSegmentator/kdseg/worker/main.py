"""The child that segments: its request, and what it leaves behind when it fails."""

from __future__ import annotations

import glob
import shutil
import tempfile
from pathlib import Path
from typing import Callable, NoReturn, Optional, Sequence

from kdseg.errors import WorkerError
from kdseg.worker.channel import Channel
from kdseg.worker.child import limit_blas, request_file, run_child
from kdseg.worker.messages import DoneMessage
from kdseg.worker.request import JobRequest
from kdseg.worker.windows_libraries import add_openvino_libraries

PRIVATE_PREFIX = "kdseg-job-"
"""How the name of a job's private folder begins; no other folder is ever removed."""


class _JobTask:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._request: Optional[JobRequest] = None

    def carry_out(self, channel: Channel, cancelled: Callable[[], bool], commit: Callable[[], bool]) -> DoneMessage:
        self._request = read_request(self._file)
        limit_blas(self._request.threads)
        if self._request.private_folder:
            tempfile.tempdir = str(self._file.parent)
        add_openvino_libraries()
        from kdseg.worker.job import JobRunner

        return JobRunner(self._request, channel, cancelled, commit).run()

    def clean_up(self, *, failed: bool, orphaned: bool) -> None:
        if self._request is None:
            return
        if failed:
            remove_unfinished(self._request.output_path)
        if orphaned:
            remove_private_folder(self._request, self._file.parent)


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the child; never returns. Without exactly one argument the exit code is 2."""
    run_child(_JobTask(request_file(arguments, "kdseg.worker")))


def remove_private_folder(request: JobRequest, folder: Path) -> None:
    """Remove the folder of a request if it belongs to the job."""
    if request.private_folder and folder.name.startswith(PRIVATE_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def read_request(path: Path) -> JobRequest:
    """Read the file.

    Raises
    ------
    WorkerError
        If it cannot be read or is not a request.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkerError("The request cannot be read.", found=error.strerror or str(error), path=path) from error
    return JobRequest.from_json(content)


def remove_unfinished(target: Path) -> None:
    """Remove what :func:`kdseg.atomic.atomic_path` was writing beside ``target`` when the process was ended."""
    for path in target.parent.glob(f".kdseg-????????-{glob.escape(target.name)}"):
        path.unlink()
