"""How much memory this process uses now, and used at most, in bytes; and how freed memory is given back."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress


def resident_bytes() -> int:
    """Return the resident memory of this process now; on macOS the largest so far, which is never less."""
    if sys.platform.startswith("linux"):
        with open("/proc/self/statm", encoding="ascii") as file:
            import os

            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return int(_windows_counters().working_set)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peak_resident_bytes() -> int:
    """Return the largest resident memory of this process since it was started, or since :func:`reset_peak` on Linux.

    On Linux this is ``VmHWM``: ``ru_maxrss`` keeps the peak that the parent had before this process was started.
    """
    if sys.platform.startswith("linux"):
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    if sys.platform == "win32":
        return int(_windows_counters().peak)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak() -> bool:
    """Let :func:`peak_resident_bytes` count from now on; return whether this operating system can (Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:  # some containers forbid it
        return False
    return True


def give_memory_back() -> None:
    """Return freed memory to the operating system where the C library can (glibc), so that it is not measured as used."""
    gc.collect()
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


class _Counters(ctypes.Structure):
    """``PROCESS_MEMORY_COUNTERS`` of the Windows API."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
    )


def _windows_counters() -> _Counters:
    counters = _Counters(cb=ctypes.sizeof(_Counters))
    windll = ctypes.windll  # type: ignore[attr-defined]  # only there on Windows
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return counters
