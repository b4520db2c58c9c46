"""Choosing files and folders."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field

HISTORY_LENGTH = 5


@stand_in
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that is typed or browsed for, with a history in the settings."""

    CPP_SIGNALS = ("currentPathChanged(QString)", "validInputChanged(bool)")
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    Readable, Writable, Executable = 0x010, 0x020, 0x040

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._box = QtWidgets.QComboBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QtWidgets.QComboBox.NoInsert)
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._button = QtWidgets.QToolButton()
        self._button.setText("…")
        layout.addWidget(self._box)
        layout.addWidget(self._button)
        self._box.editTextChanged.connect(self._edited)
        self._button.clicked.connect(self.browse)
        self.setFocusProxy(self._box)

    def _edited(self, path: str) -> None:
        self.currentPathChanged.emit(path)

    def setCurrentPath(self, path: str) -> None:
        """Set the path."""
        if str(path) != self.currentPath:
            self._box.setEditText(str(path))

    def browse(self) -> None:
        """Let the user choose."""
        if self.filters & self.Files:
            chosen = QtWidgets.QFileDialog.getOpenFileName(self, "", self.currentPath, ";;".join(self.nameFilters))
        else:
            chosen = QtWidgets.QFileDialog.getExistingDirectory(self, "", self.currentPath)
        if chosen:
            self.setCurrentPath(chosen)

    def addCurrentPathToHistory(self) -> None:
        """Remember the path in the settings."""
        if not self.settingKey or not self.currentPath:
            return
        settings, path = QtCore.QSettings(), self.currentPath
        past = [item for item in self._history() if item != path]
        settings.setValue(self.settingKey, [path, *past][:HISTORY_LENGTH])
        self.retrieveHistory()
        self.setCurrentPath(path)

    def _history(self) -> list[str]:
        kept = QtCore.QSettings().value(self.settingKey)
        return [kept] if isinstance(kept, str) else list(kept or ())

    def retrieveHistory(self) -> None:
        """Offer the remembered paths, the last one chosen."""
        if self.settingKey:
            self._box.clear()
            self._box.addItems(self._history())

    def comboBox(self):
        """Return the box that is typed into."""
        return self._box

    currentPath = Property(str, lambda self: self._box.currentText, setCurrentPath)
    filters = field(int, 0x002 | 0x010)
    nameFilters = field("QStringList", [])
    settingKey = field(str, "", lambda self: self.retrieveHistory())
    label = field(str, "")
    options = field(int, 0)
    showBrowseButton = field(bool, True, lambda self: self._button.setVisible(self.showBrowseButton))
    showHistoryButton = field(bool, True)
    sizeAdjustPolicy = field(int, 0)
    minimumContentsLength = field(int, 0)


@stand_in
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and lets another be chosen."""

    CPP_SIGNALS = ("directoryChanged(QString)", "directorySelected(QString)")
    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, first=None, second=None) -> None:
        folder, parent = (first, second) if isinstance(first, str) else ("", first)
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._button = QtWidgets.QPushButton()
        layout.addWidget(self._button)
        self._folder = str(Path(folder or ".").absolute())
        self._button.clicked.connect(self.browse)
        self._show()

    def _show(self) -> None:
        self._button.setText(self.text or self._folder)

    def _set_folder(self, folder: str) -> None:
        new = str(Path(folder).absolute())
        if new != self._folder:
            self._folder = new
            self._show()
            self.directorySelected.emit(new)
            self.directoryChanged.emit(new)

    def browse(self) -> None:
        """Let the user choose."""
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._folder)
        if chosen:
            self._set_folder(chosen)

    directory = Property(str, lambda self: self._folder, _set_folder)
    caption = field(str, "")
    text = field(str, "", lambda self: self._show())
    options = field(int, 0)
    acceptMode = field(int, 0)
