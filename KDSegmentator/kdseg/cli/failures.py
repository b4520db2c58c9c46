"""Every failure of a command becomes one :class:`~kdseg.errors.KDSegError`: never a traceback as the message."""

from __future__ import annotations

import sys
import traceback
from typing import Sequence

from kdseg.errors import KDSegError

BUG_REMEDY = (
    "This is a bug. Please report it to the KDSegmentator project with what the same command prints with --debug "
    "(it may name your files: read it before you send it)."
)
"""What to do about an error that nobody foresaw."""


def as_error(error: Exception, *, debug: bool) -> KDSegError:
    """Return ``error`` if it is one that the runtime raises on purpose, else an error that says what to do about it.

    Parameters
    ----------
    error
        What was raised.
    debug
        Print the traceback on stderr.
    """
    if debug:
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    if isinstance(error, KDSegError):
        return error
    if isinstance(error, MemoryError):
        return KDSegError(
            "The computer ran out of memory.", remedy="Close other programs, or set --memory-gb so that a leaner plan is used."
        )
    text = " ".join(str(error).split())
    return KDSegError(f"An unexpected error: {type(error).__name__}{': ' + text if text else ''}.", remedy=BUG_REMEDY)


def common_exit_code(codes: Sequence[int]) -> int:
    """Return 0 without failures, the exit code that all failures share, else 1."""
    distinct = set(codes)
    return distinct.pop() if len(distinct) == 1 else int(bool(distinct))
