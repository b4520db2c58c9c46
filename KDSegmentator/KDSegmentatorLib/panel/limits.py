"""Advanced: threads, memory, device, and where things are."""

from __future__ import annotations

import platform
from typing import Any, Dict, Optional

from kdseg.hardware import describe_hardware
from kdseg.limits import available_cpus
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.engines import engine_choices
from KDSegmentatorLib.presentation.quantities import GIB, count_text, memory_text
from KDSegmentatorLib.widgets.advanced_box import AdvancedBox

SHARE_OF_FREE_MEMORY = 0.8
"""What an automatic ceiling leaves to Slicer and the rest of the computer: one fifth of what is free."""


class AdvancedControl:
    """Turns the choices under Advanced into what the logic takes.

    Parameters
    ----------
    ui
        The widgets of the ``.ui`` file.
    panel
        The panel, for its parameters.
    failures
        Shows errors.
    """

    def __init__(self, ui: Any, panel: Any, *, failures: Any) -> None:
        self._panel, self.failures = panel, failures
        self.box = AdvancedBox(ui, on_engine=self._engine_chosen, on_folder=self._folder_chosen, on_install=self._install)

    def show(self) -> None:
        """Show what automatic means here, the devices, the folder and the runtime."""
        free = self.automatic_ceiling_bytes()
        threads = count_text(available_cpus(), _("1 thread"), _("{count} threads"))
        self.box.show_defaults(
            _("Automatic ({threads})").format(threads=threads),
            _("Automatic") if free is None else _("Automatic ({memory})").format(memory=memory_text(free)),
        )
        self.show_engine()
        self.box.show_folder(self._panel.students.folder())
        self.box.show_runtime(*self._panel.installation.runtime_texts())

    def show_engine(self) -> None:
        """Show the devices and which one is chosen."""
        current = "auto" if self._panel.parameters is None else self._panel.parameters.engine
        self.box.show_engines(engine_choices(platform.system(), self._panel.installation.variants()), current)

    def options(self) -> Dict[str, Any]:
        """Return threads, memoryBytes, engine and mirroring for the logic."""
        chosen = self._panel.parameters
        return {
            "threads": chosen.threads or available_cpus(),
            "memoryBytes": self.ceiling_bytes(),
            "engine": chosen.engine,
            "mirroring": chosen.mirroring,
        }

    def ceiling_bytes(self) -> Optional[int]:
        """Return the memory that a run may use, in bytes; None where the computer does not say and nothing was chosen."""
        chosen = self._panel.parameters
        if chosen is not None and chosen.memoryGib > 0:
            return int(chosen.memoryGib * GIB)
        return self.automatic_ceiling_bytes()

    def automatic_ceiling_bytes(self) -> Optional[int]:
        """Return most of the memory that is free now, in bytes; None where the computer does not say."""
        usable = describe_hardware().usable_bytes
        return None if usable is None else int(SHARE_OF_FREE_MEMORY * usable)

    def set_locked(self, locked: bool) -> None:
        """Lock what must not change while a run is on."""
        self.box.set_locked(locked)

    @guarded
    def _engine_chosen(self, name: str) -> None:
        if self._panel.parameters is not None:
            self._panel.parameters.engine = name

    @guarded
    def _folder_chosen(self, folder: str) -> None:
        self._panel.students.use_folder(folder)
        self._panel.refresh()
        self.box.show_folder(folder)

    @guarded
    def _install(self) -> None:
        try:
            self._panel.installation.change()
        finally:
            self.show()
            self._panel.update()
