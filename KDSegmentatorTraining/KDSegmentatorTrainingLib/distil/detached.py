"""Starting a process that lives on when Slicer ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping

_NO_WINDOW, _NEW_GROUP, _BREAK_AWAY = 0x8000000, 0x200, 0x1000000
"""Of Windows' CreateProcess: a hidden console of its own, which the processes that prepare batches share. With DETACHED_PROCESS
each of these would open a window."""


def start_detached(command: List[str], folder: Path, environment: Mapping[str, str], log: Any) -> Any:
    """Start a process that neither Slicer's end nor a closed terminal ends.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Where it runs.
    environment
        Its whole environment.
    log
        An open file that takes everything it prints.

    Returns
    -------
    subprocess.Popen
        The process.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    options: Dict[str, Any] = {
        "cwd": str(folder),
        "env": dict(environment),
        "stdin": subprocess.DEVNULL,
        "stdout": log,
        "stderr": subprocess.STDOUT,
        "close_fds": True,
    }
    if sys.platform != "win32":
        return subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603
    try:
        return subprocess.Popen(command, creationflags=_NO_WINDOW | _NEW_GROUP | _BREAK_AWAY, **options)  # noqa: S603
    except PermissionError:  # the job that Slicer belongs to lets nothing out
        return subprocess.Popen(command, creationflags=_NO_WINDOW | _NEW_GROUP, **options)  # noqa: S603
