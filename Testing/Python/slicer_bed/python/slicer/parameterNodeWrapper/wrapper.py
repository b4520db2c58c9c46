"""The decorator of the class that lists a module's parameters."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass

import qt
import vtk

import slicer

from .annotations import Default, first
from .connectors import Connector, createGuiConnector
from .serializers import ValidatedSerializer, make

SlicerParameterNamePropertyName = "SlicerParameterName"


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, how it is kept, its default and its annotated type."""

    name: str
    serializer: ValidatedSerializer
    default: Default
    kind: object


def _parameters(cls: type) -> dict[str, Parameter]:
    found = {}
    for name, kind in typing.get_type_hints(cls, include_extras=True).items():
        serializer, annotations = make(kind)
        default = Default(getattr(cls, name)) if hasattr(cls, name) else first(annotations, Default)
        found[name] = Parameter(name, serializer, default or Default(serializer.default()), kind)
    return found


def _property(parameter: Parameter) -> property:
    def read(self) -> object:
        if not parameter.serializer.isIn(self.parameterNode, parameter.name):
            parameter.serializer.write(self.parameterNode, parameter.name, parameter.default.value)
        return parameter.serializer.read(self.parameterNode, parameter.name)

    return property(read, lambda self, value: parameter.serializer.write(self.parameterNode, parameter.name, value))


class Members:
    """What every wrapper has besides its parameters."""

    def __init__(self, parameterNode, prefix: str | None = None) -> None:
        if prefix:
            raise NotImplementedError("The stand-in has no prefixes")
        self.parameterNode = parameterNode
        self._guis: dict[int, dict[str, Connector]] = {}
        self._tags: dict[int, int] = {}
        self._next_gui = 0
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.serializer.isIn(parameterNode, parameter.name):
                parameter.serializer.write(parameterNode, parameter.name, parameter.default.value)

    def _known(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}; there are {sorted(self.allParameters)}")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        """Return a parameter's default."""
        return self._known(name).default

    def dataType(self, name: str) -> object:
        """Return a parameter's annotated type."""
        return self._known(name).kind

    def getValue(self, name: str) -> object:
        """Return a parameter by its name."""
        self._known(name)
        return getattr(self, name)

    def setValue(self, name: str, value: object) -> None:
        """Set a parameter by its name."""
        self._known(name)
        setattr(self, name, value)

    def connectGui(self, gui) -> int:
        """Connect every widget that has the property SlicerParameterName; return what `disconnectGui` takes."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else vars(gui).values()
        named = ((widget.property(SlicerParameterNamePropertyName), widget) for widget in widgets)
        return self.connectParametersToGui({name: widget for name, widget in named if name})

    def connectParametersToGui(self, mapping: dict[str, object]) -> int:
        """Connect widgets, given by the names of their parameters."""
        connectors = {name: createGuiConnector(widget, self.dataType(name)) for name, widget in mapping.items()}
        tag = self._next_gui
        self._next_gui += 1
        self._guis[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._taker(name, connector))
        self._tags[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show())
        return tag

    def _taker(self, name: str, connector: Connector) -> Callable[[], None]:
        def take() -> None:
            if not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return take

    def _show(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._guis.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating = False

    def disconnectGui(self, tag: int) -> None:
        """Undo `connectGui`."""
        for connector in self._guis.pop(tag, {}).values():
            connector.onChanged(None)
        if tag in self._tags:
            self.RemoveObserver(self._tags.pop(tag))

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified: int) -> int:
        return self.parameterNode.EndModify(was_modified)

    def AddObserver(self, event, callback, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _wrap(cls: type) -> type:
    parameters = _parameters(cls)
    for parameter in parameters.values():
        setattr(cls, parameter.name, _property(parameter))
    members = {name: value for name, value in vars(Members).items() if not name.startswith("__") or name == "__init__"}
    for name, value in {**members, "allParameters": parameters, "_is_parameter_node_wrapper": True}.items():
        if name != "__init__" and hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name {name!r} in a parameterNodeWrapper")
        setattr(cls, name, value)
    return cls


def isParameterNodeWrapper(thing: object) -> bool:
    """Tell whether a class or object was made by `parameterNodeWrapper`."""
    return getattr(thing, "_is_parameter_node_wrapper", False)


def parameterNodeWrapper(cls: type | None = None):
    """Make the annotated names of a class typed parameters of a node."""
    return _wrap if cls is None else _wrap(cls)
