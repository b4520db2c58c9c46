"""Choose for me in the panel: the budget is asked, the answer becomes the chosen student."""

from __future__ import annotations

from typing import Any, Optional

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.choosing import Asked, ChoiceView, choice_view
from KDSegmentatorLib.presentation.quantities import GIB
from KDSegmentatorLib.widgets.choose_dialog import ChooseDialog

SETTINGS = {
    "seconds": "KDSegmentator/ChooseSeconds",
    "memory_gib": "KDSegmentator/ChooseMemoryGib",
    "least_dice": "KDSegmentator/ChooseLeastDice",
}
"""Keys of the application's settings with the budget that was asked last: it belongs to the user, not to the scene."""


class ChooseControl:
    """Asks for a budget and takes the answer.

    Parameters
    ----------
    panel
        The panel, for its volume, its options and its students.
    failures
        Shows errors.
    """

    def __init__(self, panel: Any, *, failures: Any) -> None:
        self._panel, self.failures = panel, failures

    @guarded
    def ask(self) -> None:
        """Show the question; a yes chooses the student and keeps the budget for the next time."""
        panel = self._panel
        if panel.parameters is None or panel.students.current is None:
            return
        dialog = ChooseDialog(last_asked(), self._evaluate, self._basis(), panel.root)
        key = dialog.ask()
        if key is None or dialog.view is None:
            return
        asked = dialog.asked()
        remember(asked)
        self._lower_ceiling(asked)
        panel.log.add(_("Chosen: {why}").format(why=dialog.view.sentence.replace("\n", " ")))
        panel.students.choose(key)

    @guarded
    def _evaluate(self, asked: Asked) -> Optional[ChoiceView]:
        panel = self._panel
        volume, options = self._volume(), dict(panel.advanced.options())
        options.update(asked.limits(None if volume is None else panel.advanced.ceiling_bytes()))
        return choice_view(panel.logic.chooseStudent(panel.students.current, volume, **options))

    def _volume(self) -> Optional[Any]:
        volume = self._panel.parameters.inputVolume
        return None if volume is None or volume.GetImageData() is None else volume

    def _basis(self) -> str:
        volume = self._volume()
        if volume is None:
            return _("No volume is chosen: time and memory are those of other volumes, or not known.")
        return _("For the volume “{name}” on this computer, with the choices under Advanced.").format(name=volume.GetName())

    def _lower_ceiling(self, asked: Asked) -> None:
        """Let the run keep what was asked: less memory becomes the ceiling; more than it allows does not raise it."""
        ceiling = self._panel.advanced.ceiling_bytes()
        if asked.memory_gib > 0 and (ceiling is None or asked.memory_gib * GIB < ceiling):
            self._panel.parameters.memoryGib = asked.memory_gib


def last_asked() -> Asked:
    """Return the budget of the last time; nothing where none, or none that makes sense, was kept."""
    seconds, memory_gib, least_dice = (_number(SETTINGS[name]) for name in ("seconds", "memory_gib", "least_dice"))
    return Asked(int(seconds), memory_gib, min(least_dice, 1.0))


def remember(asked: Asked) -> None:
    """Keep a budget for the next time."""
    for name, key in SETTINGS.items():
        qt.QSettings().setValue(key, getattr(asked, name))


def _number(key: str) -> float:
    try:
        number = float(qt.QSettings().value(key, 0) or 0)
    except (TypeError, ValueError):
        return 0.0
    return number if 0 <= number < 1e6 else 0.0
