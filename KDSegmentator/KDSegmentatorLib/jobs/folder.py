"""A private folder for each job. It holds voxels of a patient, so several things see to it that it goes.

The parent removes it when the result was taken, or when it exits; the child when its parent died; and whoever makes the next
one removes those whose owner is no longer alive.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any, BinaryIO, Callable, List, Optional

from kdseg.errors import OutputError
from kdseg.worker.main import PRIVATE_PREFIX

_LOCK_NAME = "owner.lock"
_UNLOCKED_GRACE_S = 3600.0  # a folder without a lock file may be just in the making


class JobFolder:
    """An empty folder that only this user can read.

    Parameters
    ----------
    parent
        Where it is made; by default the folder for temporary files.

    Attributes
    ----------
    path
        The folder; its name is ASCII and short.

    Raises
    ------
    OutputError
        If it cannot be made.
    """

    def __init__(self, parent: Optional[Path] = None) -> None:
        where = Path(tempfile.gettempdir() if parent is None else parent)
        remove_abandoned(where)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=PRIVATE_PREFIX, dir=where)).resolve()
            lock = open(self.path / _LOCK_NAME, "wb")  # noqa: SIM115 – it stays open as long as the folder is owned
        except OSError as error:
            raise OutputError(
                "No folder for temporary files can be made.",
                found=error.strerror or str(error),
                path=where,
                remedy="Free some space, or set another temporary folder in Slicer's application settings.",
            ) from error
        _try_to_lock(lock)
        self._finalizer: Callable[[], Any] = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Remove the folder with everything in it; a second call does nothing."""
        self._finalizer()


def remove_abandoned(parent: Path) -> List[Path]:
    """Remove job folders in ``parent`` whose owner is gone, for example after a crash; return those that were removed."""
    removed = []
    for folder in sorted(parent.glob(f"{PRIVATE_PREFIX}*")):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _is_abandoned(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        with open(folder / _LOCK_NAME, "rb+") as lock:
            return _try_to_lock(lock)
    except FileNotFoundError:
        try:
            return time.time() - folder.stat().st_mtime > _UNLOCKED_GRACE_S
        except OSError:
            return False
    except OSError:  # somebody else's
        return False


def _remove(path: Path, lock: BinaryIO) -> None:
    lock.close()
    shutil.rmtree(path, ignore_errors=True)


def _try_to_lock(file: BinaryIO) -> bool:
    """Lock the file until it is closed; the operating system lets go when the process dies. False if it is locked."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
