"""Signals as PythonQt shows them: ``object.clicked.connect(f)`` and ``object.connect("clicked(bool)", f)``."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6 import QtCore
from shiboken6 import isValid

from .classes import native_class
from .newer_qt import newer_signals
from .raw import raw
from .slots import guarded, required_arguments

SIGNATURE = re.compile(r"\s*2?(\w+)\s*\((.*)\)\s*\Z")
# (id of the sender, signal): the function that was connected, and the slot that Qt calls.
_connections: dict[tuple[int, str], list[tuple[Callable, Callable]]] = {}


def normalised(signature: str) -> str:
    """Return a signature as Qt's meta-object has it."""
    return QtCore.QMetaObject.normalizedSignature(signature.strip().lstrip("2")).data().decode()


def meta_signatures(sender: QtCore.QObject) -> set[str]:
    """Return the signatures of every signal of an object, as Qt has them."""
    meta = QtCore.QObject.metaObject(sender)
    methods = (meta.method(index) for index in range(meta.methodCount()))
    kind = QtCore.QMetaMethod.MethodType.Signal
    return {bytes(method.methodSignature()).decode() for method in methods if method.methodType() == kind}


def most_arguments(sender: QtCore.QObject, name: str) -> int:
    """Return how many arguments the fullest form of a signal has."""
    return max(_argument_counts(sender, name))


def fewest_arguments(sender: QtCore.QObject, name: str) -> int:
    """Return how many arguments the shortest form of a signal has."""
    return min(_argument_counts(sender, name))


def _argument_counts(sender: QtCore.QObject, name: str) -> list[int]:
    matches = (SIGNATURE.match(signature) for signature in meta_signatures(sender))
    return [match[2].count(",") + 1 if match[2] else 0 for match in matches if match[1] == name]


class Signal:
    """One signal of one object."""

    def __init__(self, sender: QtCore.QObject, name: str, instance) -> None:
        self._sender, self._name, self._instance = sender, name, instance

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signal) and (self._sender, self._name) == (other._sender, other._name)

    def __hash__(self) -> int:
        return hash((id(self._sender), self._name))

    def connect(self, function: Callable) -> bool:
        """Call a function at every emission, with as many of the signal's arguments as it takes.

        Which form of a signal with optional arguments PythonQt connects is not certain, so the function must do without them.
        """
        fewest, needed = fewest_arguments(self._sender, self._name), required_arguments(function)
        if needed > fewest:
            raise TypeError(f"{self._name} may bring {fewest} arguments, but {needed} are needed: connect by signature instead")
        return attach(self._sender, self._name, self._instance, function, None)

    def disconnect(self, function: Callable | None = None) -> bool:
        """Undo `connect`; without a function, undo every one of this signal."""
        return detach(self._sender, self._name, self._instance, function)

    def emit(self, *arguments: object) -> None:
        """Emit the signal."""
        self._instance.emit(*arguments)

    __call__ = emit


def attach(sender: QtCore.QObject, name: str, instance, function: Callable, count: int | None) -> bool:
    """Connect a function to a PySide6 signal instance."""
    if not callable(function):
        raise TypeError(f"connect needs something callable, got {function!r}")
    key = (id(sender), name)
    if key not in _connections:
        _connections[key] = []
        sender_destroyed = QtCore.QObject.__dict__["destroyed"].__get__(sender, type(sender))
        if name != "destroyed":
            sender_destroyed.connect(lambda *_: _connections.pop(key, None))
    slot = guarded(function, most_arguments(sender, name) if count is None else count)
    instance.connect(slot)
    _connections[key].append((function, slot))
    return True


def detach(sender: QtCore.QObject, name: str, instance, function: Callable | None) -> bool:
    """Disconnect a function, or all of them, and tell whether there was one."""
    kept, dropped = [], []
    for pair in _connections.get((id(sender), name), ()):
        (dropped if function is None or pair[0] == function else kept).append(pair)
    if not dropped:
        return False
    _connections[(id(sender), name)] = kept
    for _, slot in dropped:
        if isValid(sender):
            instance.disconnect(slot)
    return True


def forget_connections(sender: QtCore.QObject) -> None:
    """Disconnect everything that was connected to an object's signals."""
    for identifier, name in list(_connections):
        if identifier == id(sender):
            detach(sender, name, raw(sender, name), None)


def parse(sender: QtCore.QObject, signature: object) -> tuple[str, int]:
    """Return a signal's name and how many arguments its signature has; ValueError if the object has no such signal."""
    match = SIGNATURE.match(signature) if isinstance(signature, str) else None
    if match is None:
        raise ValueError(f"connect needs a signal's signature such as 'clicked(bool)', got {signature!r}")
    name, arguments = match[1], match[2].strip()
    known = (meta_signatures(sender) | declared_signatures(type(sender))) - newer_signals(native_class(type(sender)))
    if normalised(signature) not in known:
        raise ValueError(f"{QtCore.QObject.metaObject(sender).className()} has no signal {signature}")
    return name, arguments.count(",") + 1 if arguments else 0


def declared_signatures(cls: type) -> set[str]:
    """Return the signatures that the C++ class has for the signals of a stand-in; Python's own argument types differ."""
    return {normalised(text) for base in cls.__mro__ for text in base.__dict__.get("CPP_SIGNALS", ())}
