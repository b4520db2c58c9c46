"""What else the machine does while a run is measured."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Optional

from kdseg_training.profiling.runs import RunLoad


@dataclass(frozen=True)
class CpuTimes:
    """Seconds of all CPUs since the machine was started: at work, and stolen by the hypervisor (None: unknown)."""

    busy_s: float
    stolen_s: Optional[float]


def cpu_times() -> Optional[CpuTimes]:
    """Look now; None where the operating system does not say (macOS, and containers that hide it)."""
    if sys.platform == "win32":
        return _windows_times()
    try:
        with open("/proc/stat", encoding="ascii") as file:
            return parse_proc_stat(file.readline(), os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError):
        return None


def parse_proc_stat(line: str, ticks_per_s: int) -> CpuTimes:
    """Parse the first line of ``/proc/stat``: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.

    Guests are part of user and nice already.

    Raises
    ------
    ValueError
        If it is another line.
    """
    name, *words = line.split()
    if name != "cpu" or len(words) < 8:
        raise ValueError(f"the first line of /proc/stat: expected cpu and 8 numbers, found {line[:100]!r}")
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in words[:8])
    return CpuTimes((user + nice + system + irq + softirq) / ticks_per_s, steal / ticks_per_s)


def load_average() -> Optional[float]:
    """Return how many processes wanted to run, over the last minute; None on Windows."""
    average = getattr(os, "getloadavg", None)
    with suppress(OSError):
        return None if average is None else round(float(average()[0]), 2)
    return None


class LoadWatch:
    """Begun before a run, asked after it."""

    def __init__(self, average: Optional[float], before: Optional[CpuTimes]) -> None:
        self._average, self._before = average, before

    @classmethod
    def begin(cls) -> LoadWatch:
        """Look now."""
        return cls(load_average(), cpu_times())

    def end(self, wall_s: float, own_cpu_s: float) -> RunLoad:
        """Look again; see :meth:`between`."""
        return self.between(cpu_times(), wall_s, own_cpu_s)

    def between(self, after: Optional[CpuTimes], wall_s: float, own_cpu_s: float) -> RunLoad:
        """Return the load of a run.

        Parameters
        ----------
        after
            After the run.
        wall_s, own_cpu_s
            What the run took.
        """
        if self._before is None or after is None or wall_s <= 0:
            return RunLoad(self._average, None, None)
        other = max(0.0, after.busy_s - self._before.busy_s - own_cpu_s) / wall_s
        stolen = None
        if after.stolen_s is not None and self._before.stolen_s is not None:
            stolen = round(max(0.0, after.stolen_s - self._before.stolen_s) / wall_s, 3)
        return RunLoad(self._average, round(other, 3), stolen)


def _windows_times() -> Optional[CpuTimes]:
    idle, kernel, user = (ctypes.c_uint64() for _ in range(3))
    windll = ctypes.windll  # type: ignore[attr-defined]  # only there on Windows
    if not windll.kernel32.GetSystemTimes(ctypes.byref(idle), ctypes.byref(kernel), ctypes.byref(user)):
        return None
    return CpuTimes((kernel.value - idle.value + user.value) / 1e7, None)  # kernel time includes idle; 100 ns each
