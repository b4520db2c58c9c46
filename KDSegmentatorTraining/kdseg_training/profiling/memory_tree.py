"""Memory of a process together with its workers, by looking from outside every few milliseconds (Linux)."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Dict, List, Optional

INTERVAL_S = 0.05
"""Time between two looks."""

_PROC = Path("/proc")


def descendants(pid: int, proc: Path = _PROC) -> List[int]:
    """Return the processes that ``pid`` started, directly or not."""
    children: Dict[int, List[int]] = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            parent = _parent(folder / "stat")
            if parent is not None:
                children.setdefault(parent, []).append(int(folder.name))
    found: List[int] = []
    waiting = [pid]
    while waiting:
        started = children.get(waiting.pop(), [])
        found += started
        waiting += started
    return found


def tree_bytes(pid: int, proc: Path = _PROC) -> int:
    """Return the memory of a process and its descendants; pages that they share count once (proportional set size)."""
    return sum(_proportional_bytes(proc / str(one)) for one in (pid, *descendants(pid, proc)))


class TreeWatch:
    """Looks from :meth:`start` to :meth:`stop` in a thread of its own; on Linux only."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @staticmethod
    def works_here() -> bool:
        """Tell whether this operating system shows other processes' memory."""
        return sys.platform.startswith("linux")

    def start(self) -> TreeWatch:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> int:
        """End, and return the largest sum in bytes."""
        self._end.set()
        self._thread.join()
        return self._highest

    def _watch(self) -> None:
        while not self._end.wait(INTERVAL_S):
            self._highest = max(self._highest, tree_bytes(self._pid))


def _parent(stat: Path) -> Optional[int]:
    """Return the parent in ``/proc/PID/stat``; the name before it is in brackets and may hold anything."""
    try:
        return int(stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _proportional_bytes(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
