"""Dataclasses as plain JSON data and back, every value checked against its declared type."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Dict, List, Mapping, Tuple, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from kdseg.errors import ConfigurationError, PathLike

T = TypeVar("T")


def to_data(value: Any) -> Any:
    """Return dataclasses, tuples, enums and mappings as what :mod:`json` writes; numbers must be finite."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_data(item) for item in value]
    return value


def from_data(kind: Type[T], data: Any, *, path: PathLike = "") -> T:
    """Return what :func:`to_data` gave, as the dataclass ``kind``.

    Parameters
    ----------
    kind
        A dataclass whose fields are plain values, dataclasses, enums, or ``Optional``, ``Tuple[X, ...]`` and
        ``Mapping[str, X]`` of such.
    data
        Parsed JSON.
    path
        Named in errors.

    Raises
    ------
    ConfigurationError
        If a key is missing or unknown, or a value has another type.
    """
    result: T = _read(kind, data, "", path)
    return result


def _read(kind: Any, data: Any, place: str, path: PathLike) -> Any:
    origin = get_origin(kind)
    if origin is Union:
        return None if data is None else _read(get_args(kind)[0], data, place, path)
    if origin is tuple:
        return tuple(_items(kind, data, place, path))
    if origin is not None:  # a mapping
        if not isinstance(data, dict):
            raise _error(place, "an object", data, path)
        return {key: _read(get_args(kind)[1], value, f"{place}.{key}", path) for key, value in data.items()}
    if is_dataclass(kind):
        return _read_dataclass(kind, data, place, path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, data, place, path)
    return data if kind is Any else _read_plain(kind, data, place, path)


def _items(kind: Any, data: Any, place: str, path: PathLike) -> List[Any]:
    kinds: Tuple[Any, ...] = get_args(kind)
    if not isinstance(data, list):
        raise _error(place, "a list", data, path)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise _error(place, f"{len(kinds)} values", data, path)
    return [_read(k, item, f"{place}[{i}]", path) for i, (k, item) in enumerate(zip(kinds, data))]


def _read_dataclass(kind: Any, data: Any, place: str, path: PathLike) -> Any:
    known = fields(kind)
    if not isinstance(data, dict):
        raise _error(place, "an object", data, path)
    unknown = sorted(set(data) - {f.name for f in known})
    needed = [f.name for f in known if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in data]
    if unknown or missing:
        raise _error(place, f"the keys {', '.join(f.name for f in known)}", sorted(data), path)
    hints = get_type_hints(kind)
    values: Dict[str, Any] = {name: _read(hints[name], value, f"{place}.{name}", path) for name, value in data.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise _error(place, "values that are allowed", str(error), path) from error


def _read_enum(kind: Any, data: Any, place: str, path: PathLike) -> Any:
    try:
        return kind(data)
    except ValueError as error:
        raise _error(place, ", ".join(str(member.value) for member in kind), data, path) from error


def _read_plain(kind: Any, data: Any, place: str, path: PathLike) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        data = float(data)
    fits = isinstance(data, kind) and (kind is bool or not isinstance(data, bool))
    if not fits or (isinstance(data, float) and not math.isfinite(data)):
        raise _error(place, kind.__name__, data, path)
    return data


def _error(place: str, expected: str, found: object, path: PathLike) -> ConfigurationError:
    name = place.lstrip(".") or "the whole"
    return ConfigurationError(
        f"The data cannot be read: {name}.", expected=expected, found=repr(found)[:200], path=path or None
    )
