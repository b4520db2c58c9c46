"""A small interpreter for the part of JSON Schema 2020-12 that ``bundle.schema.json`` uses.

The schema is the one definition of ``bundle.json``: people and tools read the file, the runtime follows the same file. The
interpreter refuses keywords that it does not know, so the schema cannot ask for something that is silently ignored.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

SCHEMA_PATH = Path(__file__).with_name("bundle.schema.json")

Fault = Tuple[str, str, str]
"""Place in the document, what was expected, what was found."""


@lru_cache(maxsize=1)
def bundle_schema() -> Dict[str, Any]:
    """Return ``bundle.schema.json``."""
    schema: Dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return schema


def faults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str = "bundle.json") -> Iterator[Fault]:
    """Yield every way in which ``value`` does not follow ``schema``; nothing for a valid value.

    Parameters
    ----------
    value
        Parsed JSON.
    schema
        The schema for this value.
    root
        The whole schema, in which ``$ref`` is looked up.
    place
        Where the value stands, for messages.

    Raises
    ------
    ValueError
        If the schema itself uses a keyword that is not implemented here.
    """
    for keyword, argument in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword not in _CHECKS:
            raise ValueError(f"bundle.schema.json uses the keyword {keyword}, which is not implemented")
        yield from _CHECKS[keyword](value, argument, schema, root, place)


_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description"})

Check = Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any], str], Iterator[Fault]]


def _is_integer(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": _is_integer,
    "number": _is_number,
}


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:120]


def _same(a: Any, b: Any) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _type(value: Any, names: Any, *context: Any) -> Iterator[Fault]:
    allowed = [names] if isinstance(names, str) else names
    if not any(_TYPES[name](value) for name in allowed):
        yield context[-1], " or ".join(allowed), _show(value)


def _const(value: Any, expected: Any, *context: Any) -> Iterator[Fault]:
    if not _same(value, expected):
        yield context[-1], _show(expected), _show(value)


def _enum(value: Any, allowed: Any, *context: Any) -> Iterator[Fault]:
    if not any(_same(value, candidate) for candidate in allowed):
        yield context[-1], f"one of {_show(allowed)}", _show(value)


def _pattern(value: Any, pattern: str, *context: Any) -> Iterator[Fault]:
    # In JSON Schema $ means the very end; Python's $ also matches before a final newline.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield context[-1], f"text that matches {pattern}", _show(value)


def _length(least: bool, kind: str) -> Check:
    def check(value: Any, bound: int, *context: Any) -> Iterator[Fault]:
        if _TYPES[kind](value) and (len(value) < bound if least else len(value) > bound):
            yield context[-1], f"at {'least' if least else 'most'} {bound} entries or characters", str(len(value))

    return check


def _bound(least: bool, exclusive: bool = False) -> Check:
    def check(value: Any, bound: float, *context: Any) -> Iterator[Fault]:
        if _is_number(value) and ((value < bound if least else value > bound) or (exclusive and value == bound)):
            yield context[-1], f"{'above' if exclusive else 'at least' if least else 'at most'} {bound}", _show(value)

    return check


def _unique(value: Any, wanted: bool, *context: Any) -> Iterator[Fault]:
    if wanted and isinstance(value, list) and any(_same(a, b) for i, a in enumerate(value) for b in value[:i]):
        yield context[-1], "entries that all differ", _show(value)


def _required(value: Any, keys: Any, *context: Any) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key in keys:
            if key not in value:
                yield f"{context[-1]}.{key}", "a value", "nothing"


def _properties(value: Any, schemas: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key, inner in schemas.items():
            if key in value:
                yield from faults(value[key], inner, root, f"{place}.{key}")


def _additional(value: Any, inner: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key in value:
            if key in schema.get("properties", {}):
                continue
            if inner is False:
                yield f"{place}.{key}", "no such key", _show(value[key])
            else:
                yield from faults(value[key], inner, root, f"{place}.{key}")


def _items(value: Any, inner: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Fault]:
    if isinstance(value, list):
        for i, entry in enumerate(value):
            yield from faults(entry, inner, root, f"{place}[{i}]")


def _any_of(value: Any, choices: Any, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Fault]:
    found = [list(faults(value, choice, root, place)) for choice in choices]
    if all(found):
        yield from min(found, key=len)


def _ref(value: Any, target: str, schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Fault]:
    yield from faults(value, root["$defs"][target.rsplit("/", maxsplit=1)[-1]], root, place)


_CHECKS: Mapping[str, Check] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "pattern": _pattern,
    "minLength": _length(True, "string"),
    "maxLength": _length(False, "string"),
    "minItems": _length(True, "array"),
    "maxItems": _length(False, "array"),
    "minimum": _bound(True),
    "maximum": _bound(False),
    "exclusiveMinimum": _bound(True, exclusive=True),
    "uniqueItems": _unique,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "anyOf": _any_of,
    "$ref": _ref,
}
