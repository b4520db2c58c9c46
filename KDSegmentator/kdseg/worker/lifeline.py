"""Watches standard input: a wish to cancel, or the death of the parent."""

from __future__ import annotations

import os
import threading
from typing import Callable

CANCEL = b"cancel"
"""The line that cancels."""

GRACE_S = 0.5
"""How long a run has to stop by itself, at the next pass of the network, before the process ends all the same."""


class Ending:
    """Decides, once, which thread ends the process and tells why."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claimed = threading.Event()
        self._owner = 0

    def claim(self) -> bool:
        """Return True to the first thread that asks, and to no other; it must end the process."""
        with self._lock:
            if not self._claimed.is_set():
                self._owner = threading.get_ident()
                self._claimed.set()
            return self._owner == threading.get_ident()

    def wait(self, seconds: float) -> bool:
        """Wait until somebody claimed; return whether it happened."""
        return self._claimed.wait(seconds)


class Lifeline:
    """Reads the parent's words in a thread of its own.

    Parameters
    ----------
    descriptor
        Where they come from.
    ending
        Shared with the thread that computes.
    end
        Called from the watching thread when the run did not stop within :data:`GRACE_S`; it must end the process.
    """

    def __init__(self, descriptor: int, ending: Ending, end: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._ending = ending
        self._end = end
        self._stop = threading.Event()
        self.orphaned = False

    def start(self) -> None:
        """Start watching; the thread dies with the process."""
        threading.Thread(target=self._watch, daemon=True).start()

    def cancelled(self) -> bool:
        """Tell whether to stop; a :data:`kdseg.progress.CancelCallback`."""
        return self._stop.is_set()

    def _watch(self) -> None:
        rest = b""
        while not self._stop.is_set():
            try:
                chunk = os.read(self._descriptor, 4096)
            except OSError:
                chunk = b""
            self.orphaned = not chunk
            *lines, rest = (rest + chunk).split(b"\n")
            if self.orphaned or CANCEL in (line.strip() for line in lines):
                self._stop.set()
        if not self._ending.wait(GRACE_S) and self._ending.claim():
            self._end()
