"""The life of a child process of this project: take the pipes, carry out a task, tell how it ended.

Every child (segmentation, evaluation, profiling) is ``python -m PACKAGE REQUEST.json`` and behaves as :mod:`kdseg.worker` says.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Callable, NoReturn, Protocol, Sequence, Tuple

from kdseg.errors import Cancelled, InstallationError, KDSegError
from kdseg.worker.channel import Channel, take_pipes
from kdseg.worker.lifeline import Ending, Lifeline
from kdseg.worker.messages import PROTOCOL, DoneMessage, FailedMessage, Message, StartedMessage

BUG_REMEDY = (
    "This is a bug. Please report it to the KDSegmentator project with the details (they may name your files: read them "
    "before you send them)."
)
"""What to do about an error that nobody foresaw."""

BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""How NumPy's and SciPy's libraries are told their threads, before they are loaded."""

ITK_PLUGINS_VARIABLE = "ITK_AUTOLOAD_PATH"
"""Where Slicer, and the launcher of its Python, let ITK look for readers of their own; this process has no scene to read."""

CANCELLED = "The run was cancelled."
CANCELLED_REMEDY = "Nothing was written; start it again when you like."


class Task(Protocol):
    """What a child does."""

    def carry_out(self, channel: Channel, cancelled: Callable[[], bool], commit: Callable[[], bool]) -> DoneMessage:
        """Do it and return the last message.

        Parameters
        ----------
        channel
            Where to tell of it.
        cancelled
            Tells whether to stop; to be asked often.
        commit
            Asked once, before the result is written; False means that the process is being ended. After True it is not ended
            before this method returned.

        Raises
        ------
        KDSegError
            If there is no result.
        """
        ...

    def clean_up(self, *, failed: bool, orphaned: bool) -> None:
        """Called before the last message, from the thread that ends the process; once more after it where nobody is there.

        Parameters
        ----------
        failed
            There is no result.
        orphaned
            Nobody will take the result or clean up any more.
        """
        ...


def request_file(arguments: Sequence[str], package: str) -> Path:
    """Return the one argument; without exactly one, say how ``package`` is used and exit with 2."""
    if len(arguments) != 1:
        sys.stderr.write(f"usage: python -m {package} REQUEST.json\n")
        sys.exit(2)
    return Path(arguments[0])


def run_child(task: Task) -> NoReturn:
    """Run the child; never returns. Descriptors 0 and 1 belong to the parent from now on."""
    commands, channel = take_pipes()
    os.environ.pop(ITK_PLUGINS_VARIABLE, None)
    lead_a_process_group()
    _Child(task, commands, channel).run()


def lead_a_process_group() -> None:
    """Become the leader of a session, so that the parent can end this process with everything it may have started."""
    if hasattr(os, "setsid"):
        with suppress(OSError):  # it is the leader already
            os.setsid()


def limit_blas(threads: int) -> None:
    """Let the libraries of NumPy and SciPy use as many threads as the run may."""
    for variable in BLAS_VARIABLES:
        os.environ[variable] = str(threads)


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


class _Child:
    def __init__(self, task: Task, commands: int, channel: Channel) -> None:
        self._task, self._channel = task, channel
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
            return self._task.carry_out(self._channel, self._lifeline.cancelled, self._ending.claim), 0
        except BaseException as raised:  # noqa: BLE001 – the last border: every failure is one message and an exit code
            error = as_error(raised)
            return FailedMessage(error, traceback.format_exc()), error.exit_code

    def _end_cancelled(self) -> None:
        """End the process while it is still busy."""
        error = Cancelled(CANCELLED, remedy=CANCELLED_REMEDY)
        self._end(FailedMessage(error), error.exit_code)

    def _end(self, message: Message, code: int) -> NoReturn:
        """Tell and end, without the teardown of libraries: a crash in there must not turn a result into a failure."""
        self._task.clean_up(failed=code != 0, orphaned=False)
        self._channel.send(message)
        if self._lifeline.orphaned or self._channel.broken:
            self._task.clean_up(failed=code != 0, orphaned=True)
        sys.stderr.flush()
        os._exit(code)
