"""What a finished student is called when it is exported."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorLib.widgets.building import button
from KDSegmentatorLib.widgets.status_area import StatusArea


class ExportBox:
    """Shows finished students and what is stated about the chosen one.

    Parameters
    ----------
    place
        Empty widget.
    on_student
        Called with the index of the student that the user chose.
    on_export
        Called when the user wants to export it.
    """

    def __init__(self, place: Any, *, on_student: Callable[[int], None], on_export: Callable[[], None]) -> None:
        self.student_combo = qt.QComboBox()
        self.student_combo.objectName = "exportStudent"
        self.fields = {
            "name": _edit("exportName", _("Small letters, digits, - and _.")),
            "version": _edit("exportVersion", _("Three numbers, for example 1.0.0.")),
            "licence": _edit("exportLicence", _("Of the weights, for example CC-BY-4.0. What is empty is called not stated.")),
            "modality": _edit("exportModality", _("DICOM modality, for example MR or CT.")),
            "body_part": _edit("exportBodyPart", _("For example Brain.")),
        }
        self.fields["version"].text = "1.0.0"
        tip = _("Writes one file, the student, checks it, and adds it to the students of the segmentation panel.")
        self.export_button = button(_("E&xport and install"), tip, on_export, "exportButton")
        status = qt.QWidget()
        self.status = StatusArea(status)
        layout = qt.QFormLayout(place)
        layout.setContentsMargins(0, 0, 0, 0)
        labels = (_("Name:"), _("Version:"), _("Licence:"), _("Modality:"), _("Body part:"))
        layout.addRow(_("Student:"), self.student_combo)
        for label, edit in zip(labels, self.fields.values()):
            layout.addRow(label, edit)
        layout.addRow(self.export_button)
        layout.addRow(status)
        self.student_combo.connect("currentIndexChanged(int)", on_student)

    def show_students(self, names: Sequence[str]) -> None:
        """Offer finished students; the chosen one stays chosen."""
        offered = [self.student_combo.itemText(index) for index in range(self.student_combo.count)]
        if offered == list(names):
            return
        chosen = str(self.student_combo.currentText)
        blocked = self.student_combo.blockSignals(True)
        self.student_combo.clear()
        self.student_combo.addItems(list(names))
        self.student_combo.currentIndex = list(names).index(chosen) if chosen in names else (0 if names else -1)
        self.student_combo.blockSignals(blocked)

    def show_sentence(self, text: str, tone: Tone = Tone.HINT) -> None:
        """Show what became of the export."""
        self.status.show_sentence(text, tone)

    def set_enabled(self, enabled: bool) -> None:
        """Lock everything while an export is on, or where there is nothing to export."""
        for widget in (self.student_combo, self.export_button, *self.fields.values()):
            widget.enabled = enabled

    def stated(self) -> Dict[str, str]:
        """Return the texts of the fields."""
        return {name: str(edit.text).strip() for name, edit in self.fields.items()}


def _edit(name: str, tip: str) -> Any:
    edit = qt.QLineEdit()
    edit.objectName = name
    edit.toolTip = tip
    return edit
