"""What PythonQt makes of the values that Qt returns."""

from __future__ import annotations


def from_qt(value: object) -> object:
    """Return a sequence as a tuple and everything else as it is."""
    return tuple(from_qt(item) for item in value) if isinstance(value, list) else value


class BoundMethod:
    """A C++ method of an object; what it returns went through `from_qt`."""

    __slots__ = ("_function", "_name", "_owner")

    def __init__(self, owner: object, name: str, function) -> None:
        self._owner, self._name, self._function = owner, name, function

    def __call__(self, *arguments: object, **keywords: object) -> object:
        return from_qt(self._function(*arguments, **keywords))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundMethod) and self._owner is other._owner and self._name == other._name

    def __hash__(self) -> int:
        return hash((id(self._owner), self._name))

    def __repr__(self) -> str:
        return f"<method {self._name} of {type(self._owner).__name__}>"
