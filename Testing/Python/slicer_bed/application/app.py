"""``slicer.app``: the application object."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from ..pythonqt.classes import stand_in
from .io_manager import IOManager
from .modules import ModuleManager

VERSION = (5, 13)


@stand_in
class qSlicerApplication(QtWidgets.QApplication):
    """Slicer's application object without a main window's content."""

    startupCompleted = Signal()
    lastWindowAboutToClose = Signal()

    def __init__(self) -> None:
        super().__init__(["Slicer"])
        QtWidgets.QApplication.setApplicationName("Slicer")
        QtWidgets.QApplication.setApplicationVersion(f"{VERSION[0]}.{VERSION[1]}.0")
        QtWidgets.QApplication.setOrganizationName("slicer_bed")
        self._folder = Path(tempfile.mkdtemp(prefix="slicer_bed-"))
        self._temporary = str(self._folder / "temporary")
        Path(self._temporary).mkdir()
        self._settings = None
        self._testing = False
        self._mrml = None
        self._io_manager = None
        self._module_manager = ModuleManager(self)
        self._main_window = None

    def _start(self, mrml) -> None:
        """Take over the scene and its logics, and open a main window."""
        self._mrml = mrml
        self._io_manager = IOManager(mrml, self)
        self._main_window = QtWidgets.QMainWindow()
        QtCore.QObject.setObjectName(self._main_window, "qSlicerMainWindow")

    def _reset(self) -> None:
        """Return to the state after the start."""
        self._testing = False
        self.settings().clear()

    # -- what Slicer has as Qt properties -------------------------------------------------------------------------
    majorVersion = Property(int, lambda self: VERSION[0])
    minorVersion = Property(int, lambda self: VERSION[1])
    revision = Property(str, lambda self: "33333")
    releaseType = Property(str, lambda self: "Preview")
    os = Property(str, lambda self: {"win32": "win", "darwin": "macosx"}.get(sys.platform, "linux"))
    arch = Property(str, lambda self: "amd64")
    platform = Property(str, lambda self: f"{self.os}-{self.arch}")
    intDir = Property(str, lambda self: "")
    isInstalled = Property(bool, lambda self: True)
    mainApplicationName = Property(str, lambda self: "Slicer")
    applicationLocaleName = Property(str, lambda self: "en-US")
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")
    slicerHome = Property(str, lambda self: sys.prefix)
    slicerSharePath = Property(str, lambda self: "share/Slicer-5.13")
    extensionsInstallPath = Property(str, lambda self: self._made("extensions"))
    cachePath = Property(str, lambda self: self._made("cache"))
    slicerUserSettingsFilePath = Property(str, lambda self: str(self._folder / "Slicer.ini"))
    slicerRevisionUserSettingsFilePath = Property(str, lambda self: str(self._folder / "Slicer-33333.ini"))

    def _made(self, name: str) -> str:
        path = self._folder / name
        path.mkdir(exist_ok=True)
        return str(path)

    def _set_temporary(self, path: str) -> None:
        self._temporary = str(path)

    temporaryPath = Property(str, lambda self: self._temporary, _set_temporary)

    # -- what Slicer has as methods --------------------------------------------------------------------------------
    def mrmlScene(self):
        """Return the scene."""
        return self._mrml.scene

    def applicationLogic(self):
        """Return the application's logic."""
        return self._mrml.application_logic

    def moduleLogic(self, name: str):
        """Return a module's logic by the module's name."""
        return self._mrml.logics.get(name.lower())

    def coreIOManager(self):
        """Return the manager of files."""
        return self._io_manager

    ioManager = coreIOManager

    def moduleManager(self):
        """Return the manager of modules."""
        return self._module_manager

    def settings(self):
        """Return the settings, in a file of this process."""
        if self._settings is None:
            self._settings = QtCore.QSettings()
        return self._settings

    userSettings = revisionUserSettings = settings

    def layoutManager(self):
        """Return None: there are no views."""

    def testingEnabled(self) -> bool:
        """Tell whether Slicer runs its self tests; False, so that dialogs really open."""
        return self._testing

    def startupEnvironment(self):
        """Return the environment as it was before Slicer's launcher changed it."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    environment = startupEnvironment

    def commandOptions(self):
        """Return None: nothing was given on a command line."""

    def moduleDocumentationUrl(self, name: str) -> str:
        """Return where a module's page is."""
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def translate(self, context: str, text: str) -> str:
        """Return the text: the language is English."""
        return QtCore.QCoreApplication.translate(context, text)

    def toSlicerHomeAbsolutePath(self, path: str) -> str:
        """Return a path relative to Slicer's folder as an absolute one."""
        return os.path.join(self.slicerHome, path)  # noqa: PTH118

    def toSlicerHomeRelativePath(self, path: str) -> str:
        """Undo `toSlicerHomeAbsolutePath`."""
        return os.path.relpath(path, self.slicerHome)

    def logUsageEvent(self, component: str, event: str) -> None:
        """Do nothing: usage is not logged."""

    def pauseRender(self) -> None:
        """Do nothing: there are no views."""

    resumeRender = pauseRender

    def setOverrideCursor(self, cursor) -> None:
        """Show another mouse cursor."""
        QtWidgets.QApplication.setOverrideCursor(QtGui.QCursor(cursor))

    def restart(self) -> None:
        """Refuse: a test cannot restart its process."""
        raise AssertionError("slicer.app.restart() was called")


def use_private_settings(folder: Path) -> None:
    """Make every QSettings of this process write below a folder."""
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
    for scope in (QtCore.QSettings.UserScope, QtCore.QSettings.SystemScope):
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, scope, str(folder))
