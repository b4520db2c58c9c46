"""Reading and writing attributes of Qt objects as PythonQt does it.

A Qt property is an attribute; it may be written if it is writable. A method, a signal or an enum value can be read, not
replaced. On an object of a C++ class nothing else exists, and nothing can be added; a class that was derived in Python may
have attributes of its own.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import types
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6 import QtCore

from . import extras
from .classes import defined_in_python, is_native, is_stand_in, native_class, wrapped_classes, wrapped_qobjects
from .newer_qt import is_newer_member
from .raw import raw
from .signals import Signal
from .values import BoundMethod, from_qt

# PySide6's loader of forms tries to make the children attributes of the top widget; PythonQt's does not.
_dropped: list[bool] = []
# Objects whose property is being read: Qt's own call of the virtual getter must then find the getter, not the property.
_being_read: set[tuple[int, str]] = set()


@dataclass(frozen=True)
class PropertyOfClass:
    """A Qt property of a class; Qt's own description would not outlive the class's meta-object."""

    name: str
    writable: bool
    type_name: str


_properties: dict[tuple[type, str], PropertyOfClass | None] = {}


def property_of(target: QtCore.QObject, name: str) -> PropertyOfClass | None:
    """Return an object's Qt property, or None if its class has none of this name."""
    key = (type(target), name)
    if key not in _properties:
        meta = QtCore.QObject.metaObject(target)
        index = meta.indexOfProperty(name)
        found = meta.property(index)
        _properties[key] = PropertyOfClass(name, found.isWritable(), found.typeName()) if index >= 0 else None
    return _properties[key]


@functools.cache
def accessor(cls: type, *names: str) -> str | None:
    """Return the first of these methods that a class has."""
    return next((name for name in names if callable(getattr(native_class(cls), name, None))), None)


@functools.cache
def is_python_property(cls: type, name: str) -> bool:
    """Tell whether a stand-in declares the property."""
    return any(isinstance(base.__dict__.get(name), (property, QtCore.Property)) for base in cls.__mro__)


@functools.cache
def overrides_virtual_getter(cls: type, name: str) -> bool:
    """Tell whether a stand-in overrides a getter that Qt itself calls, such as ``sizeHint``; it must then find the method."""
    definer = next((base for base in cls.__mro__ if name in base.__dict__), object)
    return is_stand_in(definer) and isinstance(definer.__dict__[name], types.FunctionType)


def read_property(target: QtCore.QObject, name: str) -> object:
    """Return a property's value."""
    cls = type(target)
    if is_python_property(cls, name):
        return raw(target, name)
    getter = accessor(cls, name, f"is{name[0].upper()}{name[1:]}")
    if getter is None:
        return QtCore.QObject.property(target, name)
    return raw(target, getter)()


def write_property(target: QtCore.QObject, found: PropertyOfClass, value: object) -> None:
    """Set a property, or raise AttributeError if it cannot be written or does not take the value."""
    name, cls = found.name, type(target)
    if not found.writable:
        raise AttributeError(f"Property {name!r} of {cls.__name__} is not writable")
    setter = None if is_python_property(cls, name) else accessor(cls, f"set{name[0].upper()}{name[1:]}")
    try:
        if setter is not None:
            raw(target, setter)(value)
            return
    except TypeError:  # an enum as a plain number, for example: QVariant converts it
        pass
    if not QtCore.QObject.setProperty(target, name, value):
        raise AttributeError(f"Property {name!r} of type {found.type_name!r} does not accept {value!r}")


def get(self, name: str):
    """``__getattribute__`` of every QObject."""
    cls = type(self)
    if name.startswith("_") or defined_in_python(cls, name) or overrides_virtual_getter(cls, name):
        return raw(self, name)
    if is_newer_member(native_class(cls), name):
        raise AttributeError(f"{cls.__name__} has no attribute named {name!r} in Qt 5")
    key = (id(self), name)
    if key in _being_read:
        return raw(self, name)
    if property_of(self, name) is not None:
        _being_read.add(key)
        try:
            return from_qt(read_property(self, name))
        finally:
            _being_read.discard(key)
    if name in extras.ATTRIBUTES:
        return extras.ATTRIBUTES[name][0](self)
    if name in extras.METHODS:
        return functools.partial(extras.METHODS[name], self)
    try:
        return wrapped(self, name, raw(self, name))
    except AttributeError:
        value = getattr(native_class(cls), name, None)
        if isinstance(value, enum.Enum):
            return value
        raise


def wrapped(owner: QtCore.QObject, name: str, value: object) -> object:
    """Return what PythonQt shows for something that PySide6 found."""
    if isinstance(value, QtCore.SignalInstance):
        return Signal(owner, name, value)
    # A method of a stand-in stays as it is, else C++ would not take it for an override of a virtual function.
    return BoundMethod(owner, name, value) if isinstance(value, types.BuiltinMethodType) else value


def is_dynamic_property(target: QtCore.QObject, name: str) -> bool:
    """Tell whether the object was given a property of this name at run time."""
    return name.encode() in [bytes(item) for item in QtCore.QObject.dynamicPropertyNames(target)]


def set_on_object(self, name: str, value: object) -> None:
    """``__setattr__`` of every QObject."""
    cls = type(self)
    descriptor = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__ and not is_native(base)), None)
    if descriptor is not None and hasattr(type(descriptor), "__set__"):
        descriptor.__set__(self, value)
    elif isinstance(value, QtCore.SignalInstance):
        self.__dict__[name] = value  # PySide6 keeps the signals of objects that C++ made
    elif not _set_known(self, name, value):
        if not (name.startswith("_") and is_stand_in(cls)):
            if _dropped:
                return
            refuse(cls, name)
        self.__dict__[name] = value


@contextlib.contextmanager
def new_attributes_dropped() -> Iterator[None]:
    """Drop, instead of refuse, every attribute that is set in the block."""
    _dropped.append(True)
    try:
        yield
    finally:
        _dropped.pop()


def _set_known(self: QtCore.QObject, name: str, value: object) -> bool:
    """Set a property of any kind; return False if the object has none of this name."""
    found = None if is_newer_member(native_class(type(self)), name) else property_of(self, name)
    if found is not None:
        write_property(self, found, value)
    elif name in extras.ATTRIBUTES:
        extras.ATTRIBUTES[name][1](self, value)
    elif is_dynamic_property(self, name):
        QtCore.QObject.setProperty(self, name, value)
    else:
        return False
    return True


def refuse(cls: type, name: str) -> None:
    """Raise AttributeError where PythonQt does not let a new attribute be set."""
    native = native_class(cls)
    if hasattr(native, name) and not name.startswith("_"):
        raise AttributeError(f"{name!r} can not be overwritten on {cls.__name__}: it is a method, a signal or an enum")
    if is_native(cls):
        raise AttributeError(f"{name!r} does not exist on {cls.__name__}, and new attributes on C++ objects are not allowed")


def set_on_value(self, name: str, value: object) -> None:
    """``__setattr__`` of every wrapped class that is no QObject, such as QSize."""
    descriptor = next((base.__dict__[name] for base in type(self).__mro__ if name in base.__dict__), None)
    if hasattr(type(descriptor), "__set__"):  # a public field, such as QStyleOption.rect
        descriptor.__set__(self, value)
        return
    refuse(type(self), name)
    self.__dict__[name] = value


def install() -> None:
    """Give every wrapped class PythonQt's attribute access."""
    objects = set(wrapped_qobjects())
    for cls in wrapped_classes():
        if cls in objects:
            cls.__getattribute__ = get
            cls.__setattr__ = set_on_object
        elif not issubclass(cls, (int, Exception)) and "__dict__" in dir(cls):
            cls.__setattr__ = set_on_value
