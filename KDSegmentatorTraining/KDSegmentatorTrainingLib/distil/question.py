"""A short child process that is asked one thing: it runs beside Slicer's events and is ended when it takes too long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Set

import qt

from KDSegmentatorLib.i18n import _

_OPEN: Set[object] = set()  # alive until they are answered, even if nobody holds on to them


@dataclass(frozen=True)
class Answer:
    """How the child ended.

    Attributes
    ----------
    exit_code
        Of the process; -1 if it could not be started, crashed or took too long.
    output, errors
        What it printed.
    """

    exit_code: int
    output: str
    errors: str


class Question:
    """Asks.

    Parameters
    ----------
    program, arguments
        What to run.
    environment
        Its whole environment.
    on_answered
        Called once with the :class:`Answer`, from Qt's event loop; never after :meth:`withdraw`.
    folder
        Where it runs; by default the folder of temporary files.
    seconds
        After them it is ended.
    """

    def __init__(
        self,
        program: str,
        arguments: List[str],
        *,
        environment: Mapping[str, str],
        on_answered: Callable[[Answer], None],
        folder: Optional[Path] = None,
        seconds: float = 300.0,
    ) -> None:
        self._program, self._arguments = program, arguments
        self._on_answered: Optional[Callable[[Answer], None]] = on_answered
        self._complaint = ""
        self._process = qt.QProcess()
        variables = qt.QProcessEnvironment()
        for name, value in environment.items():
            variables.insert(name, value)
        self._process.setProcessEnvironment(variables)
        self._process.setWorkingDirectory(str(folder) if folder is not None else qt.QDir.tempPath())
        self._process.errorOccurred.connect(self._failed)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._ended)
        self._limit = qt.QTimer()
        self._limit.setSingleShot(True)
        self._limit.setInterval(int(seconds * 1000))
        self._limit.timeout.connect(self._too_long)

    @property
    def is_open(self) -> bool:
        """Whether it was asked and not answered yet."""
        return self in _OPEN

    def ask(self) -> None:
        """Start the child; returns at once."""
        _OPEN.add(self)
        self._limit.start()
        self._process.start(self._program, self._arguments)
        self._process.closeWriteChannel()

    def withdraw(self) -> None:
        """End the child; nobody is told."""
        self._on_answered = None
        if self.is_open:
            self._process.kill()
            self._process.waitForFinished(2000)
            self._close()

    def _failed(self, error: Any) -> None:
        if getattr(error, "value", error) == qt.QProcess.FailedToStart:
            self._complaint = str(self._process.errorString())
            qt.QTimer.singleShot(0, lambda: self._answer(-1))

    def _too_long(self) -> None:
        self._complaint = _("There was no answer in time.")
        self._process.kill()

    def _ended(self, exit_code: int, exit_status: Any) -> None:
        crashed = bool(getattr(exit_status, "value", exit_status))
        self._answer(-1 if crashed else int(exit_code))

    def _answer(self, exit_code: int) -> None:
        if not self.is_open:
            return
        output = self._process.readAllStandardOutput().data().decode("utf-8", "replace")
        errors = self._process.readAllStandardError().data().decode("utf-8", "replace")
        answer = Answer(exit_code, output, "\n".join(text for text in (errors.rstrip(), self._complaint) if text))
        callback = self._on_answered
        self._close()
        if callback is not None:
            callback(answer)

    def _close(self) -> None:
        _OPEN.discard(self)
        self._limit.stop()
        self._on_answered = None
        for connected in (self._process, self._limit):  # they hold this object through their signals
            connected.deleteLater()
