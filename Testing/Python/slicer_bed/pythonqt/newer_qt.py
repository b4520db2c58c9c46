"""What PySide6 has and the Qt 5.15 of Slicer 5.8 to 5.12 has not; the extension must do without it.

The list was made by comparing every class, member and signal of PySide6 6.12 with those of PySide2 5.15.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("newer_qt.json")


@dataclass(frozen=True)
class Newer:
    """Names of classes, and names and signatures by the class that has them first."""

    classes: frozenset[str]
    members: dict[str, frozenset[str]]
    signals: dict[str, frozenset[str]]


@functools.cache
def newer() -> Newer:
    """Return the list."""
    found = json.loads(LIST.read_text(encoding="utf-8"))
    members, signals = ({name: frozenset(items) for name, items in found[key].items()} for key in ("members", "signals"))
    return Newer(frozenset(found["classes"]), members, signals)


@functools.cache
def is_newer_member(cls: type, name: str) -> bool:
    """Tell whether Qt 5 lacks a member of a class."""
    return any(name in newer().members.get(base.__name__, ()) for base in cls.__mro__)


@functools.cache
def newer_signals(cls: type) -> frozenset[str]:
    """Return the signatures of a class's signals that Qt 5 lacks."""
    return frozenset().union(*(newer().signals.get(base.__name__, ()) for base in cls.__mro__))
