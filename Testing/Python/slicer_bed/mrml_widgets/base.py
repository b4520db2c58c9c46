"""Widgets that know the scene."""

from __future__ import annotations

from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from ..pythonqt.classes import stand_in


@stand_in
class qMRMLWidget(QtWidgets.QWidget):
    """A widget that passes its scene on."""

    CPP_SIGNALS = ("mrmlSceneChanged(vtkMRMLScene*)",)
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        """Return the scene."""
        return self._scene

    def setMRMLScene(self, scene) -> None:
        """Set the scene and tell whoever is connected."""
        if scene is self._scene:
            return
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


@stand_in
class qSlicerWidget(qMRMLWidget):
    """Slicer's own kind of `qMRMLWidget`."""
