"""Ending a process with everything it may have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def kill_tree(pid: int) -> None:
    """End a running child with its whole process group (POSIX; it leads one) or process tree (Windows), at once.

    ``pid`` is the one that the child told, not that of a launcher; 0 while nothing is known does nothing.
    """
    if pid > 0 and sys.platform == "win32":
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
        command = [str(taskkill), "/T", "/F", "/PID", str(pid)]
        subprocess.run(command, check=False, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW)  # noqa: S603
        return
    kill_leftovers(pid)


def kill_leftovers(pid: int) -> None:
    """End what is left of the group of a child that has just ended; on Windows nothing is, and its number may be used again."""
    if pid > 0 and sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
