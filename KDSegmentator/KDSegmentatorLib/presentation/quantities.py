"""Numbers as the panel writes them."""

from __future__ import annotations

from typing import Optional

from KDSegmentatorLib.i18n import _

GIB = 1024**3
"""Bytes in a GiB, the unit of memory in the panel and in the runtime's messages."""


def memory_text(size_bytes: float) -> str:
    """Return an amount of memory with its unit, two significant places below 10 GiB."""
    gib = size_bytes / GIB
    if gib < 0.995:
        return _("{size} MiB").format(size=f"{max(1, round(size_bytes / 1024**2))}")
    return _("{size} GiB").format(size=f"{gib:.1f}" if gib < 9.95 else f"{gib:.0f}")


def file_size_text(size_bytes: int) -> str:
    """Return the size of a file in MB (a million bytes), and of a small one in kB, as file managers write it."""
    if size_bytes < 95_000:
        return _("{size} kB").format(size=max(1, round(size_bytes / 1e3)))
    megabytes = size_bytes / 1e6
    return _("{size} MB").format(size=f"{megabytes:.1f}" if megabytes < 10 else f"{megabytes:.0f}")


def duration_text(seconds: float) -> str:
    """Return a duration as people say it: coarser the longer it is."""
    if seconds < 1:
        return _("under a second")
    if seconds < 55:
        step = 1 if seconds < 10 else 5
        return _("{seconds} s").format(seconds=int(round(seconds / step) * step))
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def time_left_text(seconds: Optional[float]) -> str:
    """Return the time that is left; empty while it is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return _("almost done")
    return _("about {duration} left").format(duration=duration_text(seconds))


def count_text(count: int, one: str, many: str) -> str:
    """Return ``one`` for a single thing, else ``many`` with ``{count}`` filled in; both are given translated."""
    return one if count == 1 else many.format(count=count)
