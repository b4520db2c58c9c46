"""The parent's side of a process that runs one subject."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

import kdseg
import kdseg_training
from kdseg.errors import Cancelled, KDSegError, WorkerError
from kdseg.worker.child import BLAS_VARIABLES, CANCELLED
from kdseg.worker.messages import DoneMessage, FailedMessage, Message, ProgressMessage, StartedMessage, decode

FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "ITK_AUTOLOAD_PATH")
"""What Slicer sets for its own Python, and another interpreter must not see."""

CANCEL_REMEDY = "Finished runs are lost unless a journal was kept; start it again when you like."

_POLL_S = 0.1
_PATIENCE_S = 5.0
_LAST_LINES = 12

OnProgress = Callable[[float], None]
"""Told the share of the run that is done."""


class SubjectProcess:
    """A process that was asked to run one subject; use it as a context manager.

    Parameters
    ----------
    module
        Run with ``python -m``.
    settings_file
        Its argument.
    threads
        For the libraries that read their number of threads when they start.
    python
        The interpreter; None: this one.
    cancel
        Asked while waiting; True ends the process.
    """

    def __init__(
        self,
        module: str,
        settings_file: Path,
        threads: int,
        *,
        python: Optional[str] = None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> None:
        self.module, self._settings, self._cancel = module, settings_file, cancel
        self._python, self._threads = python, threads
        self._messages: queue.Queue[Optional[bytes]] = queue.Queue()
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._errors: Any = None

    def __enter__(self) -> SubjectProcess:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._running().pid

    def start(self) -> float:
        """Start it and wait until its libraries are loaded; return the seconds that took.

        Raises
        ------
        KDSegError
            If the subject cannot be opened, with the error of the process.
        WorkerError
            If the process ends without a word.
        """
        began = time.perf_counter()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 – closed in close()
        command = [self._python or sys.executable, "-m", self.module, str(self._settings)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 – our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=self._settings.parent,
                env=self._environment(),
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise WorkerError(
                "The interpreter cannot be started.", found=error.strerror or str(error), path=command[0]
            ) from error
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        while not isinstance(self._next(), StartedMessage):
            pass
        return time.perf_counter() - began

    def ask(self, word: str, on_progress: OnProgress = lambda _share: None) -> Mapping[str, Any]:
        """Send a word and return the report of its ``done``; errors as for :meth:`start`."""
        stdin = self._running().stdin
        if stdin is not None:
            with suppress(OSError):  # the process is gone; the wait below tells why
                stdin.write(word.encode("ascii") + b"\n")
                stdin.flush()
        while True:
            message = self._next()
            if isinstance(message, ProgressMessage):
                on_progress(message.overall)
            if isinstance(message, DoneMessage):
                return message.report

    def close(self) -> None:
        """End the process with everything it started."""
        if self._process is not None:
            self._end(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _next(self) -> Message:
        """Return the next message; raise what it says if it is a failure."""
        while True:
            if self._cancel():
                self.close()
                raise Cancelled(CANCELLED, remedy=CANCEL_REMEDY)
            try:
                line = self._messages.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if line is None:
                raise self._died()
            message = decode(line)
            if isinstance(message, FailedMessage):
                raise message.error
            return message

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self._messages.put(line)
        self._messages.put(None)

    def _died(self) -> KDSegError:
        code = self._running().wait(timeout=_PATIENCE_S)
        self._errors.seek(0)
        lines: List[str] = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return WorkerError(
            "A process that was profiled ended without an answer.",
            found=f"exit code {code}; its last words: {' / '.join(lines[-_LAST_LINES:])}"[:1500],
            remedy="Exit code -9 mostly means that memory ran out: close other programs, or profile fewer subjects at once.",
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise WorkerError("The process is not running.", expected="a call of start() before")
        return self._process

    def _environment(self) -> Dict[str, str]:
        environment = dict(os.environ)
        if self._python not in (None, sys.executable):
            for name in FOREIGN_VARIABLES:
                environment.pop(name, None)
        environment.update({name: str(self._threads) for name in BLAS_VARIABLES})
        own = {str(Path(module.__file__ or "").resolve().parents[1]) for module in (kdseg, kdseg_training)}
        environment["PYTHONPATH"] = os.pathsep.join([*sorted(own), *filter(None, [environment.get("PYTHONPATH")])])
        return environment

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()  # it ends itself, with what it started
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            _kill_tree(process)
        if process.stdout is not None:
            process.stdout.close()


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    process.wait()
