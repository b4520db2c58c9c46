"""Static functions of Qt classes whose result differs between PySide6 and PythonQt, or which must not reach the desktop."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

from PySide6 import QtCore, QtGui, QtWidgets

from . import dialogs

_opened_addresses: list[str] = []


def opened_addresses() -> tuple[str, ...]:
    """Return what was handed to the desktop's browser, in order."""
    return tuple(_opened_addresses)


def _open_url(url: QtCore.QUrl) -> bool:
    _opened_addresses.append(url.toString() if isinstance(url, QtCore.QUrl) else str(url))
    return True


def single_shot(delay_ms: int, function: Callable) -> None:
    """``QTimer.singleShot(ms, function)``."""
    timer = QtCore.QTimer(QtCore.QCoreApplication.instance())
    timer.setSingleShot(True)
    timer.timeout.connect(timer.deleteLater)
    timer.timeout.connect(function)
    timer.start(delay_ms)


_selected_files = QtWidgets.QFileDialog.selectedFiles
CHOSEN = "bed_chosen"


def choose_in(dialog: QtWidgets.QFileDialog, paths: list[str]) -> None:
    """Close a file dialog as a user does who chose these files; with none, as one who cancelled."""
    dialog.setProperty(CHOSEN, paths)
    QtWidgets.QDialog.done(dialog, 1 if paths else 0)


def selected_files(dialog: QtWidgets.QFileDialog) -> tuple[str, ...]:
    """``QFileDialog.selectedFiles``."""
    chosen = dialog.property(CHOSEN)
    return tuple(_selected_files(dialog) if chosen is None else chosen)


def _choose(kind: str, parent, title: str, directory: str, filters: str) -> tuple[str, ...]:
    """Show a file dialog of Qt's own and return what the answer selected."""
    dialog = QtWidgets.QFileDialog(parent, title, str(directory), filters)
    modes = QtWidgets.QFileDialog
    dialog.setOption(modes.DontUseNativeDialog, True)
    dialog.setFileMode(
        {"folder": modes.Directory, "files": modes.ExistingFiles, "save": modes.AnyFile}.get(kind, modes.ExistingFile)
    )
    if kind == "save":
        dialog.setAcceptMode(modes.AcceptSave)
    return tuple(dialog.selectedFiles()) if dialog.exec() else ()


def open_file(parent=None, title="", directory="", filters="", *_) -> str:
    """``QFileDialog.getOpenFileName``: a text, empty if cancelled."""
    return next(iter(_choose("file", parent, title, directory, filters)), "")


def open_files(parent=None, title="", directory="", filters="", *_) -> tuple[str, ...]:
    """``QFileDialog.getOpenFileNames``."""
    return _choose("files", parent, title, directory, filters)


def save_file(parent=None, title="", directory="", filters="", *_) -> str:
    """``QFileDialog.getSaveFileName``."""
    return next(iter(_choose("save", parent, title, directory, filters)), "")


def folder(parent=None, title="", directory="", *_) -> str:
    """``QFileDialog.getExistingDirectory``."""
    return next(iter(_choose("folder", parent, title, directory, "")), "")


def _message(icon: str, *default: str) -> Callable[..., int]:
    def show(parent, title: str, text: str, buttons=None, *_) -> int:
        box = QtWidgets.QMessageBox(parent)
        box.setIcon(getattr(QtWidgets.QMessageBox, icon))
        box.setWindowTitle(title)
        box.setText(text)
        standard = functools.reduce(operator.or_, (getattr(QtWidgets.QMessageBox, name) for name in default))
        box.setStandardButtons(standard if buttons is None else buttons)
        return box.exec()

    return show


def install() -> None:
    """Replace the static functions."""
    QtCore.QTimer.singleShot = staticmethod(single_shot)
    QtGui.QDesktopServices.openUrl = staticmethod(_open_url)
    files = QtWidgets.QFileDialog
    files.selectedFiles = selected_files
    files.getOpenFileName, files.getOpenFileNames = staticmethod(open_file), staticmethod(open_files)
    files.getSaveFileName, files.getExistingDirectory = staticmethod(save_file), staticmethod(folder)
    boxes = QtWidgets.QMessageBox
    boxes.information, boxes.warning = staticmethod(_message("Information", "Ok")), staticmethod(_message("Warning", "Ok"))
    boxes.critical = staticmethod(_message("Critical", "Ok"))
    boxes.question = staticmethod(_message("Question", "Yes", "No"))


def forget() -> None:
    """Forget the opened addresses and the announced dialogs."""
    _opened_addresses.clear()
    dialogs.forget()
