"""Errors as plain data, and back as the same class on the other side of a pipe."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Type

from kdseg.errors import KDSegError, MemoryLimitError


def error_as_data(error: KDSegError) -> Dict[str, Any]:
    """Return :meth:`KDSegError.as_dict`, with the two numbers of a :class:`MemoryLimitError`."""
    data = dict(error.as_dict())
    if isinstance(error, MemoryLimitError):
        data.update(estimate_bytes=error.estimate_bytes, limit_bytes=error.limit_bytes)
    return data


def error_from_data(data: Mapping[str, Any]) -> KDSegError:
    """Return the error; of an unknown type, or incomplete, it is a plain :class:`KDSegError` with what is there."""
    text = {key: str(data.get(key) or "") for key in ("problem", "expected", "found", "remedy")}
    path = data.get("path")
    kind = _classes().get(str(data.get("type")), KDSegError)
    if kind is MemoryLimitError and not all(isinstance(data.get(k), int) for k in ("estimate_bytes", "limit_bytes")):
        kind = KDSegError
    error = kind.__new__(kind)
    KDSegError.__init__(
        error,
        text["problem"] or "The child process failed without a reason.",
        expected=text["expected"],
        found=text["found"],
        path=None if path is None else str(path),
        remedy=text["remedy"],
    )
    if isinstance(error, MemoryLimitError):
        error.estimate_bytes, error.limit_bytes = data["estimate_bytes"], data["limit_bytes"]
    return error


def _classes() -> Dict[str, Type[KDSegError]]:
    """Return every class of the tree by name."""
    found: List[Type[KDSegError]] = [KDSegError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return {kind.__name__: kind for kind in found}
