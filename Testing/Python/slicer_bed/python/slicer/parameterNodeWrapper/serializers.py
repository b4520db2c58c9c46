"""How values of each type stand in a parameter node, as Slicer writes them."""

from __future__ import annotations

import collections.abc
import pathlib
import types
import typing
from typing import Any

import slicer

from .annotations import IsInstance, NotNone, Validator, split

PATHS = (
    *(pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath),
    *(pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath),
)


class Serializer:
    """Writes a value into a parameter node and reads it back; the base class keeps it as a text."""

    def __init__(self, kind: object) -> None:
        self.kind = kind

    def default(self) -> object:
        return self.kind()

    def validate(self, value: object) -> None:
        NotNone().validate(value)
        IsInstance((int, float) if self.kind is float else self.kind).validate(value)

    def isIn(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def write(self, node, name: str, value: object) -> None:
        self.validate(value)
        node.SetParameter(name, str(value))

    def read(self, node, name: str) -> object:
        return self.kind(node.GetParameter(name))

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)


class BoolSerializer(Serializer):
    """``True`` or ``False``."""

    def read(self, node, name: str) -> bool:
        return node.GetParameter(name) == "True"


class NodeSerializer(Serializer):
    """A node reference; an empty parameter of the same name tells that it was set, also to None."""

    def default(self) -> None:
        return None

    def validate(self, value: object) -> None:
        IsInstance(self.kind).validate(value)

    def write(self, node, name: str, value: object) -> None:
        self.validate(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name: str) -> object:
        return node.GetNodeReference(name)

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class ListSerializer(Serializer):
    """``name.len`` and one parameter for each element."""

    def __init__(self, element: ValidatedSerializer) -> None:
        super().__init__(list)
        self._element = element

    def validate(self, value: object) -> None:
        NotNone().validate(value)
        IsInstance((list, ObservedList)).validate(value)
        for item in value:
            self._element.validate(item)

    def _length(self, node, name: str) -> int:
        return int(node.GetParameter(f"{name}.len")) if self.isIn(node, name) else 0

    def isIn(self, node, name: str) -> bool:
        return node.HasParameter(f"{name}.len")

    def write(self, node, name: str, value: list) -> None:
        self.validate(value)
        with slicer.util.NodeModify(node):
            for index in range(len(value), self._length(node, name)):
                self._element.remove(node, f"{name}.{index}")
            for index, item in enumerate(value):
                self._element.write(node, f"{name}.{index}", item)
            node.SetParameter(f"{name}.len", str(len(value)))

    def read(self, node, name: str) -> ObservedList:
        items = [self._element.read(node, f"{name}.{index}") for index in range(self._length(node, name))]
        return ObservedList(node, self, name, items)

    def remove(self, node, name: str) -> None:
        for index in range(self._length(node, name)):
            self._element.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class ObservedList(collections.abc.MutableSequence):
    """A list that writes itself into its node whenever it changes."""

    def __init__(self, node, serializer: ListSerializer, name: str, items: list) -> None:
        self._node, self._serializer, self._name, self._items = node, serializer, name, items

    def _save(self) -> None:
        self._serializer.write(self._node, self._name, self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, item) -> None:
        self._items[index] = item
        self._save()

    def __delitem__(self, index) -> None:
        del self._items[index]
        self._save()

    def insert(self, index: int, item: object) -> None:
        self._items.insert(index, item)
        self._save()

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"ObservedList({self._items})"

    def __add__(self, other: object):
        raise NotImplementedError("Adding an ObservedList is not supported. However, += is supported.")


class ValidatedSerializer:
    """A serializer behind the validators that the module added."""

    def __init__(self, serializer: Serializer, validators: list[Validator]) -> None:
        self._serializer, self._validators = serializer, validators

    def validate(self, value: object) -> None:
        self._serializer.validate(value)
        for validator in self._validators:
            validator.validate(value)

    def write(self, node, name: str, value: object) -> None:
        self.validate(value)
        self._serializer.write(node, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serializer, name)


def is_node(kind: object) -> bool:
    """Tell whether a type is a class of MRML nodes."""
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def _plain(kind: object) -> Serializer:
    if kind is bool:
        return BoolSerializer(bool)
    if kind in (int, float, str, *PATHS):
        return Serializer(kind)
    if is_node(kind):
        return NodeSerializer(kind)
    if typing.get_origin(kind) is list:
        return ListSerializer(make(typing.get_args(kind)[0])[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kinds = typing.get_args(kind)
        if all(item is type(None) or is_node(item) for item in kinds):
            return NodeSerializer(tuple(item for item in kinds if is_node(item)))
    raise TypeError(f"The stand-in keeps no parameter of type {kind}")


def make(annotated: object) -> tuple[ValidatedSerializer, tuple]:
    """Return the serializer of an annotated type, and the annotations that are no validators."""
    kind, annotations = split(annotated)
    validators = [item for item in annotations if isinstance(item, Validator)]
    return ValidatedSerializer(_plain(kind), validators), tuple(item for item in annotations if not isinstance(item, Validator))
