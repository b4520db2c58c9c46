"""What a child process is asked to do; one definition for both sides of the pipe."""

from __future__ import annotations

from kdseg.worker.request import JobRequest

__all__ = ["JobRequest"]
