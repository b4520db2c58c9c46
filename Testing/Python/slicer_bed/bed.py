"""Starting the bed, and returning it to its first state between tests."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PYTHON = Path(__file__).with_name("python")
SHARE = Path(__file__).with_name("share")
TESTS = Path(__file__).resolve().parents[1]
REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = (REPOSITORY / "KDSegmentator", REPOSITORY / "KDSegmentatorTraining")
HOME = "home"
HOME_VARIABLES = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA")


@dataclass(frozen=True)
class Bed:
    """The running application.

    Attributes
    ----------
    app
        ``slicer.app``.
    mrml
        The scene and its logics.
    """

    app: object
    mrml: object

    def load_module(self, name: str):
        """Load one of the extension's modules as Slicer does at its start; return Slicer's object for it."""
        from .application import modules

        (path,) = [folder / f"{name}.py" for folder in MODULES if (folder / f"{name}.py").is_file()]
        return modules.load(path)

    def wait_until(self, condition: Callable[[], object], seconds: float = 20.0, what: str = "") -> object:
        """Run the event loop until the condition holds, and return what it gave; AssertionError after the time."""
        limit = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > limit:
                raise AssertionError(f"After {seconds:g} s this did not hold: {what or condition}")
            self.app.processEvents()
            time.sleep(0.002)
        return result

    def inside_event_loop(self, function: Callable[[], object]) -> object:
        """Call a function from inside the application's event loop, where everything in Slicer runs, and return its result.

        Only there does ``deleteLater`` wait until the caller is done.
        """
        from PySide6 import QtCore

        results, errors = [], []

        def call() -> None:
            try:
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - raised again below, outside the loop
                errors.append(error)
            finally:
                QtCore.QCoreApplication.exit(0)

        QtCore.QTimer.singleShot(0, call)
        self.app.exec()
        if errors:
            raise errors[0]
        return results[0]

    def run_events(self, seconds: float = 0.0) -> None:
        """Run the event loop for a time, at least once."""
        limit = time.monotonic() + seconds
        self._run_once()
        while time.monotonic() < limit:
            self._run_once()
            time.sleep(0.002)

    def _run_once(self) -> None:
        from PySide6 import QtCore

        self.app.processEvents()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def reset(self) -> None:
        """Unload the loaded modules, close every window, empty the scene and the settings."""
        from PySide6 import QtWidgets

        import slicer

        from .application import scene
        from .pip import installer
        from .pythonqt import signals, statics

        manager = self.app.moduleManager()
        for name in manager.modulesNames():
            if isinstance(manager.module(name), slicer.qSlicerScriptedLoadableModule):
                manager._unload(name)
        signals.forget_connections(self.app)
        signals.forget_connections(manager)
        slicer.qSlicerSegmentEditorEffectFactory.instance()._forget()
        for widget in QtWidgets.QApplication.topLevelWidgets():
            if isinstance(widget, slicer.qMRMLSegmentEditorWidget):
                widget._close()
            if widget is not self.app._main_window:
                widget.close()
                widget.deleteLater()
        self.run_events()
        scene.clear(self.mrml)
        self.app._reset()
        _empty(self.app._folder / HOME)
        statics.forget()
        installer.forget()


def _use_private_home(folder: Path) -> None:
    """Make programs keep what they remember about the user below a folder, here and in child processes."""
    os.environ.update({name: str(folder / name) for name in HOME_VARIABLES})
    _empty(folder)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in HOME_VARIABLES:
        (folder / name).mkdir(parents=True)


def _import_slicer() -> types.ModuleType:
    """Import ``slicer`` from its wheel only: it also takes in any folder of its name on the path, such as that of the tests."""
    path = list(sys.path)
    sys.path[:] = [entry for entry in path if Path(entry).resolve() not in {TESTS}]
    try:
        import slicer
    finally:
        sys.path[:] = path
    return slicer


@functools.cache
def start() -> Bed:
    """Make ``qt``, ``ctk`` and what ``slicer`` lacks, and return the running application; it starts only once."""
    from . import pythonqt  # noqa: F401 - it sets what PySide6 reads when it is imported
    from .pythonqt import module

    sys.modules["qt"] = module.make()
    slicer = _import_slicer()

    from . import ctk_widgets, mrml_widgets, pip, segment_editor
    from .application import app as application
    from .application import kits, modules, python_slicer, scene

    sys.modules["ctk"] = ctk_widgets.make()
    mrml_widgets.install()
    segment_editor.install()
    kits.install()
    slicer.__path__.append(str(PYTHON / "slicer"))
    sys.path.append(str(PYTHON))
    slicer.app = application.qSlicerApplication()
    application.use_private_settings(slicer.app._folder)
    _use_private_home(slicer.app._folder / HOME)
    python_slicer.install(slicer.app._folder / "bin")
    pip.divert()
    mrml = scene.make(str(SHARE), slicer.app.cachePath)
    slicer.mrmlScene = mrml.scene
    slicer.modules, slicer.moduleNames = types.SimpleNamespace(), types.SimpleNamespace()
    slicer.qSlicerScriptedLoadableModule = modules.qSlicerScriptedLoadableModule
    slicer.qSlicerScriptedLoadableModuleWidget = modules.qSlicerScriptedLoadableModuleWidget
    slicer.app._start(mrml)
    for name, logic in mrml.logics.items():
        slicer.app.moduleManager()._register(modules.qSlicerLoadableModule(name, "", logic))
    return Bed(slicer.app, mrml)
