"""``slicer.modules`` and the loading of scripted modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

import slicer

from ..mrml_widgets.base import qSlicerWidget
from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field


class _Module(QtCore.QObject):
    """What every module of Slicer has."""

    def __init__(self, name: str, path: str = "", logic=None) -> None:
        super().__init__()
        self._name, self._path = name, path
        self._logic = logic

    def logic(self):
        """Return the C++ logic."""
        return self._logic

    def mrmlScene(self):
        """Return the scene."""
        return slicer.mrmlScene


@stand_in
class qSlicerLoadableModule(_Module):
    """One of Slicer's C++ modules; it can be asked, not changed."""

    name = Property(str, lambda self: self._name)
    title = Property(str, lambda self: self._name)
    path = Property(str, lambda self: self._path)

    def widgetRepresentation(self):
        """Return None: the panels of C++ modules are not here."""


@stand_in
class qSlicerScriptedLoadableModule(_Module):
    """The object that a scripted module describes itself with."""

    name = Property(str, lambda self: self._name)
    path = Property(str, lambda self: self._path)
    title = field(str, "")
    categories = field("QStringList", [])
    contributors = field("QStringList", [])
    dependencies = field("QStringList", [])
    associatedNodeTypes = field("QStringList", [])
    helpText = field(str, "")
    acknowledgementText = field(str, "")
    icon = field(QtGui.QIcon, None)
    hidden = field(bool, False)
    index = field(int, -1)

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, path)
        self._widget = None

    def widgetRepresentation(self):
        """Return the module's panel, made when it is first asked for."""
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self):
        """Return a new panel, or None for a module that has none."""
        if not hasattr(sys.modules[self.name], f"{self.name}Widget"):
            return None
        return qSlicerScriptedLoadableModuleWidget(self.name)


@stand_in
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The C++ widget around the Python object of a scripted module's panel."""

    isEntered = Property(bool, lambda self: self._entered)

    def __init__(self, module_name: str) -> None:
        super().__init__()
        self._module_name = module_name
        self._python = None
        self._entered = False
        QtWidgets.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self._make()

    def _make(self) -> None:
        self._python = getattr(sys.modules[self._module_name], f"{self._module_name}Widget")(self)
        setattr(slicer.modules, f"{self._module_name}Widget", self._python)
        self._python.setup()

    def self(self):
        """Return the Python object."""
        return self._python

    def reload(self) -> None:
        """Make the Python object anew after its source was loaded again; as in Slicer, ``enter`` is not called."""
        self._make()

    def enter(self) -> None:
        """Tell the panel that the user came to it."""
        self._entered = True
        self._call("enter")

    def exit(self) -> None:
        """Tell the panel that the user left it."""
        self._entered = False
        self._call("exit")

    def _call(self, name: str) -> None:
        function = getattr(self._python, name, None)
        if function is not None:
            function()


@stand_in
class ModuleManager(QtCore.QObject):
    """``slicer.app.moduleManager()``."""

    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._modules: dict[str, QtCore.QObject] = {}

    def module(self, name: str):
        """Return a module by its name."""
        return self._modules.get(name)

    def modulesNames(self) -> tuple[str, ...]:
        """Return the names of the modules."""
        return tuple(self._modules)

    def isLoaded(self, name: str) -> bool:
        """Tell whether a module was loaded."""
        return name in self._modules

    def _register(self, module: QtCore.QObject) -> None:
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        setattr(slicer.moduleNames, module.name, module.name)
        self.moduleLoaded.emit(module.name)

    def _unload(self, name: str) -> None:
        """Do what Slicer does with a module when it ends."""
        self.moduleAboutToBeUnloaded.emit(name)
        module = self._modules.pop(name)
        widget = module._widget
        if widget is not None:
            QtWidgets.QWidget.close(widget)
            widget.deleteLater()
        for attribute in (name.lower(), f"{name}Widget", f"{name}Instance"):
            if hasattr(slicer.modules, attribute):
                delattr(slicer.modules, attribute)


def load(path: Path) -> qSlicerScriptedLoadableModule:
    """Load a scripted module as Slicer does at its start, and return Slicer's object for it."""
    name = path.stem
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    source = importlib.util.module_from_spec(spec)
    sys.modules[name] = source
    spec.loader.exec_module(source)
    module = qSlicerScriptedLoadableModule(name, str(path))
    setattr(slicer.modules, f"{name}Instance", getattr(source, name)(module))
    slicer.app.moduleManager()._register(module)
    return module
