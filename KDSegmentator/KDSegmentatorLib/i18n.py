"""The translation function, for modules that also run without Slicer.

Inside Slicer ``_`` is Slicer's own ``tr``, which finds its context from the file that calls it; without Slicer texts stay as
they are written. Use it as Slicer's tools expect: ``_("{count} structures").format(count=3)``, never an f-string.
"""

from __future__ import annotations

from typing import Callable


def _as_written(text: str) -> str:
    return text


_: Callable[[str], str] = _as_written

try:
    from slicer.i18n import tr
except ImportError:
    pass
else:
    _ = tr

__all__ = ["_"]
