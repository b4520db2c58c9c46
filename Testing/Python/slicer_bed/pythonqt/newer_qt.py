"""Members that PySide6 has and the Qt 5.15 of Slicer 5.8 to 5.12 has not."""

from __future__ import annotations

import functools
import json
from pathlib import Path

LIST = Path(__file__).with_name("newer_qt.json")


@functools.cache
def _members() -> dict[str, frozenset[str]]:
    return {name: frozenset(members) for name, members in json.loads(LIST.read_text(encoding="utf-8")).items()}


@functools.cache
def is_newer_than_qt5(cls: type, name: str) -> bool:
    """Tell whether the class that defines a member has it only since Qt 6."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return name in _members().get(base.__name__, frozenset())
    return False
