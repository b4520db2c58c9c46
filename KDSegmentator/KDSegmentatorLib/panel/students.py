"""The choice of a student: the list, the card, adding and removing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Optional, Sequence, Set

import qt

import slicer
from KDSegmentatorLib.choosing import family_members
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.facts import student_title_of
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.card import Card, student_card
from KDSegmentatorLib.widgets.student_picker import PickerEntry, StudentPicker


class StudentControl:
    """Joins the library of students and the picker.

    Parameters
    ----------
    ui
        The widgets of the ``.ui`` file.
    logic
        The module's logic, which has the library.
    failures
        Shows errors.
    on_chosen
        Called with the key of a student that the user chose or added; empty when none is left.
    on_log
        Takes lines for the log: damaged bundles are named there.
    on_choose
        Called when the user wants a student to be chosen from a family.

    Attributes
    ----------
    current
        The chosen installed student; None for none.
    key
        What the parameter node asks for.
    missing
        Title of a student that is asked for and not installed; empty for none.
    """

    def __init__(
        self,
        ui: Any,
        logic: Any,
        *,
        failures: Any,
        on_chosen: Callable[[str], None],
        on_log: Callable[[str], None],
        on_choose: Callable[[], None],
    ) -> None:
        self._logic, self.failures, self._on_chosen, self._on_log = logic, failures, on_chosen, on_log
        self._told: Set[str] = set()
        self._place = ui.studentPlace
        self.current: Optional[Any] = None
        self.key = ""
        self.missing = ""
        self.picker = StudentPicker(
            ui.studentPlace,
            ui.cardPlace,
            ui.studentLabel,
            on_chosen=self._chosen,
            on_add=self._add,
            on_remove=self._remove,
            on_choose=on_choose,
        )

    def refresh(self, parameters: Any) -> None:
        """Show what is installed and what the parameter node asks for; the first student where it asks for none."""
        students = self._logic.library.students()
        if not parameters.student and students:
            parameters.student = students[0].identifier
        self._show(students, parameters.student)
        self._tell_problems()

    def folder(self) -> str:
        """Return where added students are kept."""
        return str(self._logic.library.user_folder)

    def use_folder(self, folder: str) -> None:
        """Keep added students in another folder from now on; those in the old folder stay there."""
        self._logic.setStudentsFolder(Path(folder))

    def set_locked(self, locked: bool) -> None:
        """Lock the choice while a run is on."""
        self.picker.set_locked(locked)

    @guarded
    def _chosen(self, key: str) -> None:
        self._select(key)

    @guarded
    def _add(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            self._place, _("Add a student"), "", _("Students") + " (*.kdseg.zip);;" + _("All files") + " (*)"
        )
        if path:
            self.add(path)

    def choose(self, key: str) -> None:
        """Choose the student with this key, as the user would in the list."""
        self._select(key)

    def add(self, path: str) -> None:
        """Add a student from a file and choose it; say so where it was there already.

        Raises
        ------
        KDSegError
            If the file is not a usable student; nothing was copied then.
        """
        before = {student.sha256 for student in self._logic.library.students()}
        added = self._logic.library.add(path)
        self._select(added.identifier)
        if added.sha256 in before:
            text = _("The student {title} is installed already. It is chosen now.").format(title=student_title_of(added))
            self._on_log(text)
            slicer.util.infoDisplay(text, parent=self._place)

    @guarded
    def _remove(self) -> None:
        if self.current is None:
            return
        question = _("Remove the student {title} from this computer? Segmentations made with it stay.")
        if slicer.util.confirmYesNoDisplay(question.format(title=student_title_of(self.current)), parent=self._place):
            self.remove()

    def remove(self) -> None:
        """Remove the chosen student and choose the first of the others.

        Raises
        ------
        KDSegError
            If it came with the extension, or cannot be removed.
        """
        if self.current is None:
            return
        self._logic.library.remove(self.current)
        left = self._logic.library.students()
        self._select(left[0].identifier if left else "")

    def _select(self, key: str) -> None:
        self._show(self._logic.library.students(), key)
        self._on_chosen(key)

    def _tell_problems(self) -> None:
        """Name each bundle that cannot be used once in the log."""
        for _path, error in self._logic.library.problems():
            if str(error) not in self._told:
                self._told.add(str(error))
                self._on_log(_("A student cannot be used. {error}").format(error=error))

    def _show(self, students: Sequence[Any], key: str) -> None:
        self.key = key
        self.current = next((s for s in students if s.identifier == key), None)
        self.missing = key if self.current is None else ""
        entries = [PickerEntry(s.identifier, student_title_of(s), removable=not s.shipped) for s in students]
        self.picker.show_students(entries, key)
        family = () if self.current is None else family_members(self.current, students)
        self.picker.show_choose(len(family) > 1)
        self.picker.show_card(None if self.current is None else card_of(self.current))


def card_of(student: Any) -> Card:
    """Return the card of an installed student."""
    return student_card(
        student.name,
        student.version,
        student.document,
        [entry.name for entry in student.entries],
        size_bytes=student.size_bytes,
        shipped=student.shipped,
    )
