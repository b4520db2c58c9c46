"""The peak memory of a benchmark's worker."""

from __future__ import annotations

import sys


def peak_bytes() -> int:
    """Return the peak resident memory of this process since it was started, in bytes.

    On Linux this is ``VmHWM``: ``ru_maxrss`` keeps the peak that the parent had before the worker was started.
    """
    if sys.platform.startswith("linux"):
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
