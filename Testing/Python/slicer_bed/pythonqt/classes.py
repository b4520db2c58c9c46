"""Which Python classes stand for C++ classes."""

from __future__ import annotations

import functools

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

LIBRARIES = (QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools)
NATIVE_MARK = "_stands_for_a_cpp_class"
_STAND_INS: dict[str, type] = {}


@functools.cache
def wrapped_classes() -> tuple[type, ...]:
    """Return every class that PySide6 wraps; asking for each one also loads it."""
    found = {}
    for library in LIBRARIES:
        for name in dir(library):
            value = getattr(library, name)
            if isinstance(value, type) and value.__module__.startswith("PySide6."):
                found[value] = None
    return tuple(found)


def wrapped_qobjects() -> tuple[type, ...]:
    """Return the wrapped classes that are QObjects."""
    return tuple(cls for cls in wrapped_classes() if issubclass(cls, QtCore.QObject))


def stand_in(cls: type) -> type:
    """Declare that a Python class plays a C++ class: as strict about attributes, and known to the loader of ``.ui`` files."""
    setattr(cls, NATIVE_MARK, True)
    _STAND_INS[cls.__name__] = cls
    return cls


def stand_ins() -> dict[str, type]:
    """Return the declared stand-ins by name."""
    return dict(_STAND_INS)


def is_stand_in(cls: type) -> bool:
    """Tell whether a class was declared a stand-in itself, not derived from one."""
    return NATIVE_MARK in cls.__dict__


@functools.cache
def is_native(cls: type) -> bool:
    """Tell whether a class is C++ or a stand-in for C++, not one that a Python programmer derived."""
    return is_stand_in(cls) or cls.__module__.startswith(("PySide6.", "Shiboken")) or cls is object


@functools.cache
def native_class(cls: type) -> type:
    """Return the most derived C++ class of a class."""
    return next(base for base in cls.__mro__ if is_native(base))


@functools.cache
def defined_in_python(cls: type, name: str) -> bool:
    """Tell whether a class that a programmer derived, or a mix-in of it, defines the name before any C++ class does."""
    for base in cls.__mro__:
        if is_native(base):
            return False
        if name in base.__dict__:
            return True
    return False
