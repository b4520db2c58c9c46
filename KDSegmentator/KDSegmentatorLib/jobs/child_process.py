"""The child process, started and watched by Qt: never a thread, and never inside Slicer's own process."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

import qt

from kdseg.atomic import write_bytes
from kdseg.errors import WorkerError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.environment import child_arguments, child_environment, python_program
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.kill import kill_leftovers, kill_tree
from KDSegmentatorLib.jobs.messages import Message, MessageReader, StartedMessage
from KDSegmentatorLib.jobs.outcome import Ended, Failed, Outcome, Stopped
from KDSegmentatorLib.jobs.running import RUNNING

GRACE_S = 3.0
"""How long a child may take to end after it was asked to; then it is ended with everything it may have started."""

KEPT_STDERR_BYTES = 64 * 1024
"""How much of what libraries printed is kept for the details: the last of it."""

_REQUEST_NAME = "request.json"


class ChildProcess:
    """One job of any package that follows the protocol of :mod:`kdseg.worker`.

    Parameters
    ----------
    package
        What is run, for example ``kdseg.worker``: ``python -m PACKAGE REQUEST.json``.
    request
        The content of that file.
    threads
        CPU threads that libraries may use.
    judge
        Decides how the job ended, from what is known of the child and whether the user cancelled.
    search_folders
        Folders with further packages for the child, beside that of ``kdseg``.
    on_event
        Called with every :data:`~KDSegmentatorLib.jobs.messages.Message`, in order.
    on_finished
        Called once with the :data:`~KDSegmentatorLib.jobs.outcome.Outcome`. The private folder is removed after it returned, so
        a result that lies there is taken in it.
    python
        The interpreter; by default Slicer's.
    folder
        The private folder of this job, which it takes over: for example with the volume in it, and the result. By default the
        job makes one for its request only.

    Notes
    -----
    All callbacks come from Qt's event loop, never from within :meth:`start`.
    """

    def __init__(
        self,
        package: str,
        request: bytes,
        *,
        threads: int,
        judge: Callable[[Ended, bool], Outcome],
        search_folders: Sequence[Path] = (),
        on_event: Optional[Callable[[Message], None]] = None,
        on_finished: Optional[Callable[[Outcome], None]] = None,
        python: Optional[str] = None,
        folder: Optional[JobFolder] = None,
    ) -> None:
        self._package, self._content, self._judge = package, request, judge
        self.outcome: Optional[Outcome] = None
        self._on_event, self._on_finished = on_event, on_finished
        self._python = python or python_program()
        self._folder = folder or JobFolder()
        self._reader = MessageReader()
        self._stderr = b""
        self._last: Optional[Message] = None
        self._pid = 0
        self._launched = self._cancelled = False
        self._loop: Any = None
        self._process = self._make_process(child_environment(threads, search_folders=search_folders))
        self._grace = qt.QTimer()
        self._grace.setSingleShot(True)
        self._grace.setInterval(int(GRACE_S * 1000))
        self._grace.timeout.connect(self._kill)

    @property
    def running(self) -> bool:
        """Whether it was started and has not finished."""
        return self in RUNNING

    def start(self) -> None:
        """Start the child; returns at once.

        Raises
        ------
        OutputError
            If the request cannot be written.
        """
        request_file = self._folder.path / _REQUEST_NAME
        write_bytes(request_file, self._content)
        RUNNING.add(self)
        self._process.start(self._python, child_arguments(request_file, self._package))

    def cancel(self) -> None:
        """Ask the child to stop; it is ended by force after :data:`GRACE_S`. The outcome is :class:`Stopped`."""
        if not self.running or self._cancelled:
            return
        self._cancelled = True
        self._grace.start()
        if self._launched:
            self._process.write(b"cancel\n")
        else:
            self._process.kill()

    def wait(self) -> Outcome:
        """Return the outcome when the job has finished; Qt's events are handled meanwhile, so the application stays alive.

        If the application quits meanwhile, the child is ended and the outcome is :class:`Stopped`.
        """
        if self.outcome is None and self.running:
            self._loop = qt.QEventLoop()
            self._loop.exec_()
            self._loop = None
        if self.outcome is None:
            self._cancelled = True
            self._kill()
            self._finish(Stopped())
        return self.outcome or Stopped()

    def _make_process(self, variables: Mapping[str, str]) -> Any:
        process = qt.QProcess()
        environment = qt.QProcessEnvironment()
        for name, value in variables.items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.setWorkingDirectory(str(self._folder.path))
        process.started.connect(self._on_launched)
        process.readyReadStandardOutput.connect(self._read_messages)
        process.readyReadStandardError.connect(self._read_stderr)
        process.errorOccurred.connect(self._on_error)
        process.connect("finished(int,QProcess::ExitStatus)", self._on_ended)  # by signature: Qt 5 has a shorter form, too
        return process

    def _on_launched(self) -> None:
        self._launched = True

    def _read_messages(self) -> None:
        for message in self._reader.feed(self._process.readAllStandardOutput().data()):
            self._last = message
            if isinstance(message, StartedMessage):
                self._pid = message.pid
            _call(self._on_event, message)

    def _read_stderr(self) -> None:
        self._stderr = (self._stderr + self._process.readAllStandardError().data())[-KEPT_STDERR_BYTES:]

    def _on_error(self, error: Any) -> None:
        """Handle a child that could not be started; everything else is told by ``finished``."""
        if self._launched or self.outcome is not None:
            return
        found = str(self._process.errorString())
        failed = WorkerError(
            _("The process that computes could not be started."),
            found=found,
            path=self._python,
            remedy=_("Check that the antivirus program lets Slicer's Python start, or install Slicer again."),
        )
        qt.QTimer.singleShot(0, lambda: self._finish(Stopped() if self._cancelled else Failed(failed, found)))

    def _on_ended(self, exit_code: int, exit_status: Any) -> None:
        self._read_messages()
        self._read_stderr()
        self._reader.close()
        kill_leftovers(self._pid)
        crashed = bool(getattr(exit_status, "value", exit_status))
        ended = Ended(int(exit_code), crashed, self._last, self._details())
        self._finish(self._judge(ended, self._cancelled))

    def _details(self) -> str:
        return "\n".join([*self._reader.garbage, self._stderr.decode("utf-8", "replace")]).strip()

    def _kill(self) -> None:
        kill_tree(self._pid)
        self._process.kill()

    def _finish(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        self._grace.stop()
        try:
            _call(self._on_finished, outcome)
        finally:
            self._folder.remove()
            RUNNING.discard(self)
            for connected in (self._process, self._grace):  # they hold this job, and with it the volume, through their signals
                connected.deleteLater()
            if self._loop is not None:
                self._loop.quit()


def _call(callback: Optional[Callable[[Any], None]], argument: Any) -> None:
    """Call back; a fault in there must not keep a job from ending."""
    if callback is None:
        return
    try:
        callback(argument)
    except Exception:  # the caller's own; it is written to the log
        logging.exception("KDSegmentator: an error while handling what a child process told")
