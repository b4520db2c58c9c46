"""Qt properties of stand-ins that only keep what was set."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Property


def field(kind: object, default: object, changed: Callable[[object], None] | None = None, *, writable: bool = True) -> Property:
    """Return a Qt property.

    Parameters
    ----------
    kind
        Its type, as `PySide6.QtCore.Property` takes it.
    default
        Its value until it is set.
    changed
        Called with the object after the value changed.
    writable
        Whether a module may set it.
    """
    key = f"_field_{id(kind)}_{field.count}"
    field.count += 1

    def read(self) -> object:
        return self.__dict__.get(key, default)

    def write(self, value: object) -> None:
        new = list(value) if kind == "QStringList" else value
        if new != read(self):
            self.__dict__[key] = new
            if changed is not None:
                changed(self)

    return Property(kind, read, write if writable else None)


field.count = 0
