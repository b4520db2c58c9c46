"""Settings as YAML, written without a package for it: Slicer's Python has none."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator


def yaml_text(content: Dict[str, Any]) -> str:
    """Return settings as YAML: block style, texts in double quotes, which YAML reads as JSON does."""
    return "\n".join(_lines(content, 0)) + "\n"


def _lines(content: Dict[str, Any], indent: int) -> Iterator[str]:
    space = "  " * indent
    for key, value in content.items():
        if isinstance(value, dict):
            yield f"{space}{key}:"
            yield from _lines(value, indent + 1)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield f"{space}{key}:"
            for item in value:
                first, *rest = _lines(item, indent + 2)
                yield f"{space}  - {first.strip()}"
                yield from rest
        else:
            yield f"{space}{key}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in text)
