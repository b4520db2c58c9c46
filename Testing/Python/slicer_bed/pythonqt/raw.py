"""Attributes of Qt objects as PySide6 itself gives them."""

from __future__ import annotations

import functools

from .classes import wrapped_qobjects

# Classes with members that are both static and not, such as QFile.exists, find their attributes in a way of their own.
_getters = {cls: cls.__dict__["__getattribute__"] for cls in wrapped_qobjects() if "__getattribute__" in cls.__dict__}


@functools.cache
def _getter(cls: type):
    return next(_getters[base] for base in cls.__mro__ if base in _getters)


def raw(target: object, name: str) -> object:
    """Return an attribute of a QObject without PythonQt's manners."""
    return _getter(type(target))(target, name)
