"""The life of the child process: take the pipes, carry out the request, tell how it ended, leave nothing behind."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Optional, Sequence, Tuple

from kdseg.errors import Cancelled, InstallationError, KDSegError, WorkerError
from kdseg.worker.channel import Channel, take_pipes
from kdseg.worker.lifeline import Ending, Lifeline
from kdseg.worker.messages import PROTOCOL, FailedMessage, Message, StartedMessage
from kdseg.worker.request import JobRequest
from kdseg.worker.windows_libraries import add_openvino_libraries

PRIVATE_PREFIX = "kdseg-job-"
"""How the name of a job's private folder begins; no other folder is ever removed."""

BUG_REMEDY = (
    "This is a bug. Please report it to the KDSegmentator project with the details (they may name your files: read them "
    "before you send them)."
)
"""What to do about an error that nobody foresaw."""

BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""How NumPy's and SciPy's libraries are told their threads, before they are loaded."""

ITK_PLUGINS_VARIABLE = "ITK_AUTOLOAD_PATH"
"""Where Slicer, and the launcher of its Python, let ITK look for readers of their own; this process has no scene to read."""


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the child; never returns. Without exactly one argument the exit code is 2."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m kdseg.worker REQUEST.json\n")
        sys.exit(2)
    commands, channel = take_pipes()
    os.environ.pop(ITK_PLUGINS_VARIABLE, None)
    lead_a_process_group()
    _Child(Path(arguments[0]), commands, channel).run()


def lead_a_process_group() -> None:
    """Become the leader of a session, so that the parent can end this process with everything it may have started."""
    if hasattr(os, "setsid"):
        with suppress(OSError):  # it is the leader already
            os.setsid()


class _Child:
    def __init__(self, request_file: Path, commands: int, channel: Channel) -> None:
        self._file, self._channel = request_file, channel
        self._request: Optional[JobRequest] = None
        self._ending = Ending()
        self._lifeline = Lifeline(commands, self._ending, self._end_cancelled)

    def run(self) -> NoReturn:
        from kdseg.versions import versions

        self._channel.send(StartedMessage(PROTOCOL, os.getpid(), versions()))
        self._lifeline.start()
        message, code = self._carry_out()
        if self._ending.claim():
            self._end(message, code)
        while True:  # the other thread is ending the process
            time.sleep(1.0)

    def _carry_out(self) -> Tuple[Message, int]:
        """Return the last message and the exit code."""
        try:
            self._request = read_request(self._file)
            limit_blas(self._request.threads)
            if self._request.private_folder:
                tempfile.tempdir = str(self._file.parent)
            add_openvino_libraries()
            from kdseg.worker.job import JobRunner

            return JobRunner(self._request, self._channel, self._lifeline.cancelled, self._ending.claim).run(), 0
        except BaseException as raised:  # noqa: BLE001 – the last border: every failure is one message and an exit code
            error = as_error(raised)
            return FailedMessage(error, traceback.format_exc()), error.exit_code

    def _end_cancelled(self) -> None:
        """End the process while the network is still busy."""
        error = Cancelled("The run was cancelled.", remedy="Nothing was written; start it again when you like.")
        self._end(FailedMessage(error), error.exit_code)

    def _end(self, message: Message, code: int) -> NoReturn:
        """Tell and end, without the teardown of libraries: a crash in there must not turn a result into a failure."""
        if code != 0 and self._request is not None:
            remove_unfinished(self._request.output_path)
        self._channel.send(message)
        if self._lifeline.orphaned or self._channel.broken:
            self._remove_private_folder()
        sys.stderr.flush()
        os._exit(code)

    def _remove_private_folder(self) -> None:
        """Nobody will take the result or clean up any more."""
        folder = self._file.parent
        if self._request is not None and self._request.private_folder and folder.name.startswith(PRIVATE_PREFIX):
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


def limit_blas(threads: int) -> None:
    """Let the libraries of NumPy and SciPy use as many threads as the run may."""
    for variable in BLAS_VARIABLES:
        os.environ[variable] = str(threads)


def remove_unfinished(target: Path) -> None:
    """Remove what :func:`kdseg.atomic.atomic_path` was writing beside ``target`` when the process was ended."""
    for path in target.parent.glob(f".kdseg-????????-{glob.escape(target.name)}"):
        path.unlink()


def as_error(raised: BaseException) -> KDSegError:
    """Return ``raised`` if it was raised on purpose, else an error that says what to do about it."""
    if isinstance(raised, KDSegError):
        return raised
    if isinstance(raised, MemoryError):
        return KDSegError(
            "The computer ran out of memory.",
            remedy="Close other programs, or set a memory ceiling so that a leaner plan is used.",
        )
    if isinstance(raised, ImportError):
        return InstallationError(
            "A package that the run needs does not load.",
            found=" ".join(str(raised).split()),
            remedy="Install the packages again.",
        )
    text = " ".join(str(raised).split())
    return KDSegError(f"An unexpected error: {type(raised).__name__}{': ' + text if text else ''}.", remedy=BUG_REMEDY)
