"""The module ``qt``."""

from __future__ import annotations

import types

from PySide6 import QtCore, QtGui, QtNetwork, QtWidgets

from . import access, statics
from .newer_qt import newer
from .ui import UiLoader

# PySide6 has these; PythonQt in Slicer 5.8 has not, or gives them another meaning.
NOT_IN_PYTHONQT = {"Signal", "Slot", "Property", "ClassInfo", "SIGNAL", "SLOT", "QtMsgType", "QEnum", "QFlag", "SignalInstance"}


def make() -> types.ModuleType:
    """Change the PySide6 classes and return the module ``qt``."""
    statics.install()
    access.install()
    qt = types.ModuleType("qt", "Qt as PythonQt shows it.")
    for library in (QtCore, QtGui, QtWidgets, QtNetwork):
        for name in dir(library):
            if name.startswith("Q") and name not in NOT_IN_PYTHONQT | newer().classes:
                setattr(qt, name, getattr(library, name))
    qt.QUiLoader = UiLoader
    return qt
