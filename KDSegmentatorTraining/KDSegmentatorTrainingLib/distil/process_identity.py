"""Whether a process that was started earlier still runs; never taken for another one that got its number afterwards."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Optional

_PROC = Path("/proc")
_QUERY_LIMITED, _STILL_ACTIVE = 0x1000, 259  # of Windows' API


def started_at(pid: int) -> Optional[str]:
    """Return when a running process was started, as a text that no other process of this number has; None if none runs.

    Two processes with one number differ in it, also across a restart of the computer. A process that has ended and that its
    parent has not looked after yet counts as ended.
    """
    if pid <= 0:
        return None
    if sys.platform == "win32":
        return _on_windows(pid)
    if (_PROC / "self" / "stat").exists():
        return _on_linux(pid)
    return _on_macos(pid)


def is_running(pid: int, started: str) -> bool:
    """Tell whether the process that :func:`started_at` once told of still runs."""
    return bool(started) and started_at(pid) == started


def _on_linux(pid: int) -> Optional[str]:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    state, *numbers = text.rpartition(")")[2].split()  # the program's name before it may hold anything
    return None if state in "ZX" else f"{boot}:{numbers[18]}"


def _on_macos(pid: int) -> Optional[str]:
    command = ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    answer = done.stdout.split(maxsplit=1)
    return None if len(answer) < 2 or answer[0].startswith("Z") else answer[1].strip()


def _on_windows(pid: int) -> Optional[str]:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_QUERY_LIMITED, False, pid)
    if not handle:
        return None
    handle = ctypes.c_void_p(handle)
    times = [ctypes.c_ulonglong() for _ in range(4)]
    code = ctypes.c_ulong()
    known = kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
    known = known and kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return str(times[0].value) if known and code.value == _STILL_ACTIVE else None
