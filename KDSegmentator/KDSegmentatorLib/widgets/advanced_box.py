"""The parts of Advanced that the ``.ui`` file cannot fill: devices, folder of students, runtime."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.engines import EngineChoice
from KDSegmentatorLib.widgets.building import button, column, row, wrapped_label


class AdvancedBox:
    """Shows what is installed and where; tells what the user picks.

    Parameters
    ----------
    ui
        The widgets of the ``.ui`` file.
    on_engine
        Called with the name of the engine that the user chose.
    on_folder
        Called with the folder that the user chose for students.
    on_install
        Called when the user wants to install or change the runtime.
    """

    def __init__(
        self, ui: Any, *, on_engine: Callable[[str], None], on_folder: Callable[[str], None], on_install: Callable[[], None]
    ) -> None:
        self._ui = ui
        self._on_engine, self._on_folder = on_engine, on_folder
        self._engines: Sequence[EngineChoice] = ()
        self.folder_edit = qt.QLineEdit()
        self.folder_edit.objectName = "studentsFolder"
        self.folder_edit.readOnly = True
        self.folder_edit.toolTip = _("Students that you add are kept here.")
        change = button(_("Change…"), _("Keep added students in another folder."), self._change_folder, "changeFolder")
        column(ui.folderPlace).addLayout(row(self.folder_edit, change, stretch=0))
        self.runtime_label = wrapped_label("runtimeText")
        self.install_button = button(
            _("&Install…"), _("Installs the software that runs students."), on_install, "installRuntime"
        )
        column(ui.runtimePlace).addLayout(row(self.runtime_label, self.install_button, stretch=0))
        ui.engineCombo.connect("currentIndexChanged(int)", self._engine_chosen)

    def show_defaults(self, threads: str, memory: str) -> None:
        """Write what "automatic" means into the two spin boxes."""
        self._ui.threadsSpin.specialValueText = threads
        self._ui.memorySpin.specialValueText = memory

    def show_engines(self, choices: Sequence[EngineChoice], current: str) -> None:
        """Fill the device list; what cannot be chosen is grey, and its tool tip says what it needs."""
        combo = self._ui.engineCombo
        blocked = combo.blockSignals(True)
        self._engines = tuple(choices)
        combo.clear()
        for index, choice in enumerate(self._engines):
            combo.addItem(choice.text)
            combo.model().item(index).setEnabled(choice.enabled)
            combo.setItemData(index, choice.reason, qt.Qt.ToolTipRole)
        combo.currentIndex = next((i for i, c in enumerate(self._engines) if c.name == current), 0)
        combo.blockSignals(blocked)

    def show_folder(self, folder: str) -> None:
        """Show where added students are kept."""
        self.folder_edit.text = folder

    def show_runtime(self, text: str, install_text: str) -> None:
        """Show which runtime is in use, and what the button beside it does; an empty text hides the button."""
        self.runtime_label.text = text
        self.install_button.text = install_text
        self.install_button.visible = bool(install_text)

    def set_locked(self, locked: bool) -> None:
        """Lock what must not change while a run is on."""
        self.install_button.enabled = not locked

    def _engine_chosen(self, index: int) -> None:
        if 0 <= index < len(self._engines):
            self._on_engine(self._engines[index].name)

    def _change_folder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.folder_edit, _("Folder for students"), self.folder_edit.text)
        if folder:
            self._on_folder(folder)
