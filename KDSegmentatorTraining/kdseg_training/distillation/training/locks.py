"""One process at a time writes a run's folder."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator

from kdseg.errors import ResumeError

LOCK = ".training.lock"
"""Name of the empty file in the run's folder; the lock goes with the process, however that ends, the file may stay."""


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold a folder while it is trained; made if it does not exist.

    Raises
    ------
    ResumeError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as file:
        try:
            _lock(file)
        except OSError as error:
            raise ResumeError(
                "Another process is training in this folder.",
                expected="one process for each run",
                path=folder,
                remedy="Wait until it has ended, or stop it.",
            ) from error
        yield  # closing the file gives the lock back


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
