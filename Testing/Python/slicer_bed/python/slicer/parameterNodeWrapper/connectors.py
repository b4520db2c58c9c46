"""Which widget shows a parameter of which type, and how."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable

import ctk
import qt

import slicer

from .annotations import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange, first, split
from .serializers import PATHS, is_node

SMALLEST_INT, GREATEST_INT = -(2**31), 2**31 - 1


class Connector:
    """Reads a parameter from a widget and writes it there.

    Parameters
    ----------
    widget
        The widget.
    signal
        Name of the signal of a change.
    read, write
        How the value is taken from the widget and put into it.
    """

    def __init__(self, widget, signal: str, read: Callable[[], object], write: Callable[[object], None]) -> None:
        self._widget, self._signal, self.read, self.write = widget, signal, read, write
        self._callback = None

    def widget(self):
        """Return the widget."""
        return self._widget

    def changed(self) -> None:
        """Tell whoever listens."""
        if self._callback is not None:
            self._callback()

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        """Listen to the widget; None ends it."""
        self._callback = callback
        signal = getattr(self._widget, self._signal)
        signal.disconnect(self.changed) if callback is None else signal.connect(self.changed)


def _attribute(widget, signal: str, name: str, convert: Callable = lambda value: value, show: Callable = lambda value: value):
    def write(value: object) -> None:
        if getattr(widget, name) != show(value):
            setattr(widget, name, show(value))

    return Connector(widget, signal, lambda: convert(getattr(widget, name)), write)


def _number(widget, annotations: tuple, kind: type):
    step, decimals = first(annotations, SingleStep), first(annotations, Decimals)
    if kind is int and isinstance(widget, (qt.QDoubleSpinBox, ctk.ctkSliderWidget)):
        widget.decimals = 0
    elif decimals is not None:
        widget.decimals = decimals.value
    if step is not None:
        widget.singleStep = step.value
    span, low, high = first(annotations, WithinRange), first(annotations, Minimum), first(annotations, Maximum)
    bounded = span is not None or (low is not None and high is not None)
    if isinstance(widget, (qt.QSlider, ctk.ctkSliderWidget)) and not bounded:
        raise RuntimeError("Cannot have a connection to a slider where the type is unbounded.")
    smallest, greatest = (
        (SMALLEST_INT, GREATEST_INT) if isinstance(widget, (qt.QSpinBox, qt.QSlider)) else (float("-inf"), float("inf"))
    )
    widget.minimum = span.minimum if span else low.minimum if low else smallest
    widget.maximum = span.maximum if span else high.maximum if high else greatest
    return _attribute(widget, "valueChanged", "value", kind)


def _choice(widget, annotations: tuple):
    choice = first(annotations, Choice)
    if choice is None:
        raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
    widget.clear()
    widget.addItems([str(item) for item in choice.choices])

    def write(value: object) -> None:
        widget.currentIndex = list(choice.choices).index(value)

    return Connector(widget, "currentIndexChanged", lambda: choice.choices[widget.currentIndex], write)


def _node(widget, kinds: tuple):
    widget.nodeTypes = [kind().GetClassName() for kind in kinds if is_node(kind)]
    return Connector(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)


def createGuiConnector(widget, annotated: object) -> Connector:
    """Return the connector of a widget and a type; RuntimeError where Slicer has none. Classes must be exact, as in Slicer."""
    kind, annotations = split(annotated)
    exact = type(widget)
    if kind is bool and exact in (qt.QCheckBox, ctk.ctkCheckBox):
        return _attribute(widget, "stateChanged", "checked")
    if kind is bool and exact is qt.QPushButton:
        widget.checkable = True
        return _attribute(widget, "toggled", "checked")
    if kind is int and exact in (qt.QSlider, qt.QSpinBox):
        return _number(widget, annotations, int)
    if kind in (int, float) and exact in (qt.QDoubleSpinBox, ctk.ctkDoubleSpinBox, ctk.ctkSliderWidget):
        return _number(widget, annotations, kind)
    if kind in (int, float, str, bool) and exact in (qt.QComboBox, ctk.ctkComboBox):
        return _choice(widget, annotations)
    if kind is str and exact is qt.QLineEdit:
        return _attribute(widget, "textChanged", "text")
    if kind in PATHS and exact is ctk.ctkPathLineEdit:
        return _attribute(widget, "currentPathChanged", "currentPath", kind, str)
    if kind in PATHS and exact is ctk.ctkDirectoryButton:
        return _attribute(widget, "directoryChanged", "directory", kind, str)
    kinds = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    if exact is slicer.qMRMLNodeComboBox and all(item is type(None) or is_node(item) for item in kinds):
        return _node(widget, kinds)
    raise RuntimeError(f"Unable to create GUI connector from datatype {annotated!r} to widget type {exact.__name__}")
