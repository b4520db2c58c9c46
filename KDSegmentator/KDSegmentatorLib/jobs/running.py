"""The jobs that are running; they are kept alive here even if nobody holds on to them."""

from __future__ import annotations

from typing import Set

RUNNING: Set[object] = set()


def jobs_are_running() -> bool:
    """Tell whether a child process of this Slicer is at work."""
    return bool(RUNNING)
