"""Which students are measured, and how."""

from __future__ import annotations

from typing import Any, Callable, Sequence, Tuple

import qt

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.parameters import MOST_THREADS
from KDSegmentatorTrainingLib.widgets.fields import Fields

LIST_HEIGHT = 90
"""Height of the list of students, in pixels."""

MOST_REPETITIONS = 1000


class ProfileInputs:
    """The form of the tab.

    Parameters
    ----------
    place
        Empty widget.
    on_changed
        Called with the name of a choice and its new value.
    on_checked
        Called when a student was checked or unchecked.
    """

    def __init__(self, place: Any, on_changed: Callable[[str, Any], None], on_checked: Callable[[], None]) -> None:
        self._on_checked = on_checked
        self.fields = Fields(on_changed)
        self.list = qt.QListWidget()
        self.list.objectName = "profileStudents"
        self.list.setFixedHeight(LIST_HEIGHT)
        self.list.toolTip = _("The students to compare. They take turns, so that all meet the same disturbances.")
        self.volume_selector = self.fields.add_node("profileVolume", _volume_selector())
        self.repetitions_spin = self.fields.add_count("profileRepetitions", qt.QSpinBox())
        self.repetitions_spin.setRange(1, MOST_REPETITIONS)
        self.repetitions_spin.toolTip = _(
            "Counted runs of each student; one more before them is left out. From six on there is"
        )
        self.repetitions_spin.toolTip += " " + _("an interval for the median.")
        self.threads_spin = self.fields.add_count("profileThreads", qt.QSpinBox())
        self.threads_spin.setRange(0, MOST_THREADS)
        self.threads_spin.specialValueText = _("Automatic")
        self.mirroring_check = self.fields.add_check(
            "profileMirroring", qt.QCheckBox(_("&Mirroring, where a student allows it"))
        )
        form = qt.QFormLayout(place)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(_("&Students:"), self.list)
        form.addRow(_("&Volume:"), self.volume_selector)
        form.addRow(_("&Runs of each:"), self.repetitions_spin)
        form.addRow(_("&Threads:"), self.threads_spin)
        form.addRow(self.mirroring_check)
        self.list.connect("itemChanged(QListWidgetItem*)", self._item_changed)

    def show(self, choices: Any) -> None:
        """Show the choices of a parameter node."""
        self.fields.show(choices)

    def show_students(self, students: Sequence[Tuple[str, bool]]) -> None:
        """Show titles of students, and which are checked."""
        blocked = self.list.blockSignals(True)
        self.list.clear()
        for title, checked in students:
            item = qt.QListWidgetItem(title)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(blocked)

    def checked(self) -> Tuple[bool, ...]:
        """Return which students are checked, in order."""
        return tuple(self.list.item(index).checkState() == qt.Qt.Checked for index in range(self.list.count))

    def set_locked(self, locked: bool) -> None:
        """Lock the choices while a profile is on."""
        self.list.enabled = not locked
        self.fields.set_enabled(not locked)

    def _item_changed(self, item: Any) -> None:
        self._on_checked()


def _volume_selector() -> Any:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.showChildNodeTypes = False
    selector.noneEnabled = True
    selector.noneDisplay = _("A synthetic volume of typical size")
    selector.addEnabled = False
    selector.removeEnabled = False
    selector.toolTip = _("The volume that is segmented in every run. The time depends on its size, not on what it shows.")
    selector.setMRMLScene(slicer.mrmlScene)
    return selector
