"""The two pipes to the parent, kept away from libraries.

Descriptors 0 and 1 are replaced at the start: what a library prints goes to standard error, and none of them can read the
parent's words. (On Windows a library that asks for the kind of standard input would also wait for a read that is in progress.)
"""

from __future__ import annotations

import os
import threading
from typing import Tuple

from kdseg.worker.messages import Message, encode


class Channel:
    """Sends messages to the parent; may be used from any thread.

    Parameters
    ----------
    descriptor
        Where they are written.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.broken = False

    def send(self, message: Message) -> None:
        """Write one line. When nobody reads any more, :attr:`broken` becomes True and nothing is raised."""
        line = encode(message)
        with self._lock:
            try:
                while line and not self.broken:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                self.broken = True


def take_pipes() -> Tuple[int, Channel]:
    """Take standard input and output for this protocol; return the descriptor to read from and the channel to write to."""
    commands, messages = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, Channel(messages)
