"""From the bytes of the child's standard output to messages."""

from __future__ import annotations

from typing import Iterator, List, Optional

from kdseg.errors import WorkerError
from kdseg.worker.messages import (
    DoneMessage,
    DoubtMessage,
    EstimateMessage,
    FailedMessage,
    LogMessage,
    Message,
    ProgressMessage,
    StartedMessage,
    as_data,
    decode,
)

__all__ = [
    "DoneMessage",
    "DoubtMessage",
    "EstimateMessage",
    "FailedMessage",
    "LogMessage",
    "Message",
    "MessageReader",
    "ProgressMessage",
    "StartedMessage",
    "as_data",
]

LONGEST_LINE_BYTES = 16 * 1024**2
"""A longer line is cut into pieces that are no messages; a report of a hundred structures has some 20 kB."""

KEPT_GARBAGE_LINES = 200
"""How many lines that are no messages are kept for the details."""


class MessageReader:
    """Takes the child's output in pieces of any size.

    What is not a message is kept in :attr:`garbage`, as text for the details. It never counts as an answer.
    """

    def __init__(self) -> None:
        self.garbage: List[str] = []
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the messages that ``chunk`` completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            message = self._message(line)
            if message is not None:
                yield message

    def close(self) -> None:
        """Tell that nothing more comes; what is left was cut off."""
        if self._rest:
            self._keep(self._rest)
        self._rest = b""

    def _message(self, line: bytes) -> Optional[Message]:
        if not line.strip():
            return None
        try:
            return decode(line)
        except WorkerError:
            self._keep(line)
            return None

    def _keep(self, line: bytes) -> None:
        if len(self.garbage) < KEPT_GARBAGE_LINES:
            self.garbage.append(line[:1000].decode("utf-8", "replace").rstrip())
