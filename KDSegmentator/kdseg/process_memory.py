"""How much memory this process uses now, in bytes."""

from __future__ import annotations

import ctypes
import sys


def resident_bytes() -> int:
    """Return the resident memory of this process now; on macOS the largest so far, which is never less."""
    if sys.platform.startswith("linux"):
        with open("/proc/self/statm", encoding="ascii") as file:
            import os

            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return _windows_working_set()
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


class _Counters(ctypes.Structure):
    """``PROCESS_MEMORY_COUNTERS`` of the Windows API."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
    )


def _windows_working_set() -> int:
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    windll = ctypes.windll  # type: ignore[attr-defined]  # only there on Windows
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return int(counters.working_set)
