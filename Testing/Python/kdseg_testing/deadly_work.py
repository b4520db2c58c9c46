"""Functions for workers that do not survive them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def slow_square(number: int) -> int:
    time.sleep(0.05)
    return number * number


def die_at_first(number: int, folder: str, victim: int) -> int:
    """Return the square; but the first process that gets ``victim`` is killed in the middle of it."""
    marker = Path(folder) / "died"
    if number == victim and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number * number


def always_die(number: int, victim: int) -> int:
    """Return the square; but every process that gets ``victim`` is killed."""
    if number == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fail(number: int) -> int:
    """Fail on purpose, by a bug, and not at all."""
    from kdseg.errors import GeometryError

    if number == 0:
        raise GeometryError("Elsewhere.", expected="here", remedy="Move it.")
    if number == 1:
        raise ZeroDivisionError("a bug")
    return number
