"""Loaded by the workers of this computer before they start (Dask's ``preload``)."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the process that started the worker: it ends the run and closes the workers, without tracebacks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
