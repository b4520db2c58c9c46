"""Loading ``.ui`` files with the stand-ins for CTK's and Slicer's widgets."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from PySide6 import QtCore, QtUiTools

from .access import new_attributes_dropped
from .classes import stand_in, stand_ins
from .extras import connect

SCENE_SIGNAL = "mrmlSceneChanged(vtkMRMLScene*)"


@dataclass(frozen=True)
class Connection:
    """A line between two widgets that was drawn in Qt Designer."""

    sender: str
    signal: str
    receiver: str
    slot: str


def connections_of(root: ElementTree.Element) -> list[Connection]:
    """Return the connections of a ``.ui`` file."""
    keys = ("sender", "signal", "receiver", "slot")
    return [Connection(*(node.findtext(key, "") for key in keys)) for node in root.iter("connection")]


def unknown_classes(root: ElementTree.Element) -> list[str]:
    """Return the custom widgets of a ``.ui`` file that no stand-in plays."""
    return sorted({node.findtext("class", "") for node in root.iter("customwidget")} - set(stand_ins()))


@stand_in
class UiLoader(QtUiTools.QUiLoader):
    """``qt.QUiLoader``."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        for cls in stand_ins().values():
            QtUiTools.QUiLoader.registerCustomWidget(self, cls)

    def load(self, file: QtCore.QFile, parent=None):
        """Return the top widget of a ``.ui`` file; its connections are made here because C++ knows no stand-in's signals."""
        root = ElementTree.fromstring(Path(QtCore.QFile.fileName(file)).read_bytes())
        unknown = unknown_classes(root)
        if unknown:
            raise RuntimeError(f"No stand-in plays {', '.join(unknown)}")
        connections = connections_of(root)
        for node in root.findall("connections"):
            root.remove(node)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        with new_attributes_dropped():
            widget = QtUiTools.QUiLoader.load(self, buffer, parent)
        if widget is None:
            raise RuntimeError(QtUiTools.QUiLoader.errorString(self))
        _reconnect(widget, connections)
        return widget


def _reconnect(widget, connections: list[Connection]) -> None:
    named = {
        QtCore.QObject.objectName(child): child for child in [widget, *QtCore.QObject.findChildren(widget, QtCore.QObject)]
    }
    for item in connections:
        for name in (item.sender, item.receiver):
            if name not in named:
                raise RuntimeError(f"A connection names {name}, which is not in the file")
        connect(named[item.sender], item.signal, named[item.receiver], item.slot)
