"""The options of the Segment Editor effect."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

import qt

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.structures import Structure
from KDSegmentatorLib.widgets.building import button, color_icon
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea

ALL_STRUCTURES = 0
"""What stands for all structures where a label value is expected."""


class EffectOptions:
    """Student, structure, region of interest, the button, progress and status.

    Parameters
    ----------
    effect
        Slicer's object of the effect, which has the options frame.
    on_student
        Called when the user chose another student.
    on_choice
        Called when the user chose another structure or region.
    on_apply
        Called when the button is pressed.
    """

    def __init__(
        self, effect: Any, *, on_student: Callable[[], None], on_choice: Callable[[], None], on_apply: Callable[[], None]
    ) -> None:
        self._on_student, self._on_choice = on_student, on_choice
        self._filling = False
        self._students: List[str] = []
        self._values: List[int] = []
        self.student_combo = _combo(
            "effectStudent", _("Students that are installed here. Add others in the module KDSegmentator.")
        )
        effect.addLabeledOptionsWidget(_("Student:"), self.student_combo)
        self.structure_combo = _combo(
            "effectStructure",
            _("All structures go into segments of their names; one structure goes into the selected segment."),
        )
        effect.addLabeledOptionsWidget(_("Result:"), self.structure_combo)
        self.roi_selector = self._roi_selector()
        effect.addLabeledOptionsWidget(_("Region of interest:"), self.roi_selector)
        self.apply_button = button(_("Apply"), _("Runs the student in the background."), on_apply, "effectApply")
        effect.addOptionsWidget(self.apply_button)
        progress_place, status_place = qt.QWidget(), qt.QWidget()
        effect.addOptionsWidget(progress_place)
        effect.addOptionsWidget(status_place)
        self.progress, self.status = ProgressArea(progress_place), StatusArea(status_place)
        self.student_combo.connect("currentIndexChanged(int)", self._student_chosen)
        self.structure_combo.connect("currentIndexChanged(int)", self._chosen)
        self.roi_selector.connect("currentNodeChanged(vtkMRMLNode*)", self._chosen)

    def show_students(self, students: Sequence[Tuple[str, str]], chosen: str) -> None:
        """Show students given as key and title; none is shown for a key that is not among them."""
        self._students = [key for key, _title in students]
        self._fill(self.student_combo, [(title, None) for _key, title in students], _index(self._students, chosen))

    def show_structures(self, structures: Sequence[Structure], chosen: int) -> None:
        """Show the structures of the student; an unknown value shows all structures."""
        self._values = [ALL_STRUCTURES, *(structure.value for structure in structures)]
        into = _("{name} into the selected segment")
        items = [(into.format(name=s.name), color_icon(s.color)) for s in structures]
        self._fill(self.structure_combo, [(_("All structures"), None), *items], max(0, _index(self._values, chosen)))

    def show_roi(self, node: Any) -> None:
        """Show a region of interest, or none."""
        self._filling = True
        self.roi_selector.setCurrentNode(node)
        self._filling = False

    def student(self) -> str:
        """Return the key of the chosen student; empty for none."""
        index = self.student_combo.currentIndex
        return self._students[index] if 0 <= index < len(self._students) else ""

    def structure(self) -> int:
        """Return the label value of the chosen structure, or :data:`ALL_STRUCTURES`."""
        index = self.structure_combo.currentIndex
        return self._values[index] if 0 <= index < len(self._values) else ALL_STRUCTURES

    def roi(self) -> Any:
        """Return the chosen region of interest, or None."""
        return self.roi_selector.currentNode()

    def show_button(self, text: str, *, enabled: bool, locked: bool) -> None:
        """Show what the button does; ``locked`` choices belong to the run that is on."""
        self.apply_button.text = text
        self.apply_button.enabled = enabled
        for widget in (self.student_combo, self.structure_combo, self.roi_selector):
            widget.enabled = not locked

    def clean_up(self) -> None:
        """Disconnect what would keep the effect alive."""
        self._on_student = self._on_choice = _nothing
        self.student_combo.disconnect("currentIndexChanged(int)", self._student_chosen)
        self.structure_combo.disconnect("currentIndexChanged(int)", self._chosen)
        self.roi_selector.disconnect("currentNodeChanged(vtkMRMLNode*)", self._chosen)
        self.roi_selector.setMRMLScene(None)

    def _roi_selector(self) -> Any:
        selector = slicer.qMRMLNodeComboBox()
        selector.objectName = "effectRoi"
        selector.nodeTypes = ["vtkMRMLMarkupsROINode"]
        selector.noneEnabled = True
        selector.addEnabled = False
        selector.removeEnabled = False
        selector.noneDisplay = _("None: the whole volume")
        selector.toolTip = _("The student sees only this part of the volume, and only segments inside it change.")
        selector.setMRMLScene(slicer.mrmlScene)
        return selector

    def _fill(self, combo: Any, items: Sequence[Tuple[str, Any]], index: int) -> None:
        self._filling = True
        combo.clear()
        for text, icon in items:
            if icon is None:
                combo.addItem(text)
            else:
                combo.addItem(icon, text)
        combo.currentIndex = index
        self._filling = False

    def _student_chosen(self, index: int) -> None:
        if not self._filling:
            self._on_student()

    def _chosen(self, _choice: Any) -> None:
        if not self._filling:
            self._on_choice()


def _combo(name: str, tip: str) -> Any:
    combo = qt.QComboBox()
    combo.objectName = name
    combo.toolTip = tip
    combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
    combo.minimumContentsLength = 8
    return combo


def _index(items: Sequence[Any], item: Any) -> int:
    return list(items).index(item) if item in items else -1


def _nothing() -> None:
    """Stand for a callback that is not wanted any more."""
