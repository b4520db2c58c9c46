"""Ctrl-C: the first one cancels at the next patch, the second one ends the process at once."""

from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any, Callable, Dict, Generic, List, Optional, Type, TypeVar

Result = TypeVar("Result")

_POLL_S = 0.1


class Interrupt:
    """While entered, turns Ctrl-C and a request to terminate into a flag that a run asks for.

    The work runs in a second thread (:meth:`run`), because Python handles signals only in the main thread and only between
    two of its instructions: the network can keep it from doing so for seconds.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._previous: Dict[int, Any] = {}

    def requested(self) -> bool:
        """Tell whether the user wants to stop; a :data:`kdseg.progress.CancelCallback`."""
        return self._event.is_set()

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
                number = getattr(signal, name, None)
                if number is not None:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returns, or raise what it raises, staying able to handle signals."""
        task = _Task(work)
        task.start()
        while task.is_alive():
            task.join(_POLL_S)
        return task.outcome()

    def _handle(self, number: int, frame: object) -> None:
        self._event.set()
        for known in self._previous:  # from now on the operating system ends the process
            signal.signal(known, signal.SIG_DFL)


class _Task(threading.Thread, Generic[Result]):
    """A thread that keeps what its work returned or raised. It dies with the process."""

    def __init__(self, work: Callable[[], Result]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._results: List[Result] = []
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 – it is raised again in the main thread by outcome()
            self._error = error

    def outcome(self) -> Result:
        if self._error is not None:
            raise self._error
        return self._results[0]
