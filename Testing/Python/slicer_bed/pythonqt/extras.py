"""What PythonQt adds to every QObject."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore, QtWidgets
from shiboken6 import delete as delete_now

from . import dialogs
from .raw import raw
from .signals import attach, detach, parse


def _receiver(arguments: tuple) -> Callable:
    """Return what is to be called: a callable, or an object and the signature of its slot."""
    if len(arguments) == 1:
        return arguments[0]
    if len(arguments) == 2 and isinstance(arguments[1], str):
        return getattr(arguments[0], arguments[1].partition("(")[0])
    raise ValueError("Called connect with wrong arguments")


def connect(sender: QtCore.QObject, signature: str, *arguments: object) -> bool:
    """``sender.connect("clicked(bool)", function)`` or ``sender.connect("clicked()", object, "slot()")``."""
    name, count = parse(sender, signature)
    return attach(sender, name, raw(sender, name), _receiver(arguments), count)


def disconnect(sender: QtCore.QObject, signature: str | None = None, *arguments: object) -> bool:
    """Undo `connect`."""
    if signature is None:
        raise ValueError("Called disconnect with wrong arguments")
    name, _ = parse(sender, signature)
    return detach(sender, name, raw(sender, name), _receiver(arguments) if arguments else None)


def class_name(target: QtCore.QObject) -> str:
    """Return the C++ name of the object's class."""
    return QtCore.QObject.metaObject(target).className()


def find_children(target: QtCore.QObject, kind: object = QtCore.QObject, name: object = "") -> tuple:
    """Return the descendants of a class, given as such or by name, whose name equals or matches."""
    found = []
    for child in QtCore.QObject.findChildren(target, QtCore.QObject):
        fits = QtCore.QObject.inherits(child, kind) if isinstance(kind, str) else isinstance(child, kind)
        own = QtCore.QObject.objectName(child)
        named = not name or (name.match(own).hasMatch() if isinstance(name, QtCore.QRegularExpression) else own == name)
        if fits and named:
            found.append(child)
    return tuple(found)


def find_child(target: QtCore.QObject, kind: object = QtCore.QObject, name: str = "") -> QtCore.QObject | None:
    """Return the first of `find_children`."""
    return next(iter(find_children(target, kind, name)), None)


def execute(target: QtCore.QObject, *arguments: object) -> object:
    """``exec()`` and ``exec_()``: a dialog is answered as the test announced it."""
    if isinstance(target, QtWidgets.QDialog):
        return dialogs.execute(target, raw(target, "exec"))
    if isinstance(target, QtWidgets.QMenu):
        return dialogs.execute(target, lambda: raw(target, "exec")(*arguments))
    return raw(target, "exec")(*arguments)


def _has_exec(target: QtCore.QObject) -> None:
    if not hasattr(type(target), "exec"):
        raise AttributeError(f"{type(target).__name__} has no attribute named 'exec'")


def _exec_of(target: QtCore.QObject) -> Callable:
    _has_exec(target)
    return lambda *arguments: execute(target, *arguments)


def _read_only(target: QtCore.QObject, value: object) -> None:
    raise AttributeError(f"exec of {type(target).__name__} can not be overwritten")


METHODS = {
    "connect": connect,
    "disconnect": disconnect,
    "className": class_name,
    "delete": delete_now,
    "findChild": find_child,
    "findChildren": find_children,
}
ATTRIBUTES = {
    "name": (QtCore.QObject.objectName, QtCore.QObject.setObjectName),
    "exec": (_exec_of, _read_only),
    "exec_": (_exec_of, _read_only),
}
