"""What is compared with what, and what is measured."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import ctk
import qt

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.widgets.building import column, wrapped_label
from KDSegmentatorTrainingLib.widgets.fields import Fields

DEFINITIONS = ("surface_elements", "boundary_voxels")
"""Values of the choice of surface, in order."""


class EvaluateInputs:
    """The form of the tab.

    Parameters
    ----------
    place
        Empty widget.
    on_changed
        Called with the name of a choice and its new value.
    """

    def __init__(self, place: Any, on_changed: Callable[[str, Any], None]) -> None:
        self.fields = Fields(on_changed)
        self._form = qt.QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._only: Dict[bool, List[Any]] = {False: [], True: []}
        self.source_combo = self.fields.add_choice(
            "evaluateFolders", qt.QComboBox(), ((False, _("two nodes of the scene")), (True, _("two folders")))
        )
        self._row(_("&Compare:"), self.source_combo)
        self._add_nodes()
        self._add_folders()
        self.resample_check = self._check(
            "evaluateResample",
            _("&Resample where grids differ"),
            _("Brings the segmentation onto the reference's grid by nearest neighbours. Otherwise they are refused."),
        )
        self._form.addRow(self.resample_check)
        selector = _selector(["vtkMRMLTableNode"], _("Make a new table"), _("The table that takes the numbers."))
        self.table_selector = self.fields.add_node("evaluateTable", selector)
        self._row(_("Ta&ble:"), self.table_selector)
        layout = column(place)
        layout.addLayout(self._form)
        layout.addWidget(self._measures())

    def show(self, choices: Any) -> None:
        """Show the choices of a parameter node."""
        self.fields.show(choices)
        folders = bool(choices.evaluateFolders)
        for only, widgets in self._only.items():
            for widget in widgets:
                widget.visible = only is folders
        self.show_matching(self.matching_label.text)

    def show_matching(self, sentence: str) -> None:
        """Say which structures are measured."""
        self.matching_label.text = sentence
        self.matching_label.visible = bool(sentence) and not self.source_combo.currentIndex

    def set_locked(self, locked: bool) -> None:
        """Lock the choices while a comparison is on."""
        self.fields.set_enabled(not locked)

    def _add_nodes(self) -> None:
        kinds = ["vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode"]
        choose = _("Choose a segmentation or label map")
        selector = _selector(kinds, choose, _("The segmentation to be judged."))
        self.prediction_selector = self.fields.add_node("evaluatePrediction", selector)
        selector = _selector(kinds, choose, _("The segmentation that counts as the truth."))
        self.reference_selector = self.fields.add_node("evaluateReference", selector)
        choices = (("auto", _("names, else label values")), ("name", _("names")), ("label", _("label values")))
        self.match_combo = self.fields.add_choice("evaluateMatchBy", qt.QComboBox(), choices)
        self.match_combo.toolTip = _("What makes a segment and one of the reference the same structure.")
        self.count_missed_check = self._check(
            "evaluateCountMissed",
            _("Count structures that the segmentation lacks as &missed"),
            _("Dice 0. Otherwise only structures that both have are measured, and those that a student looked for in vain."),
        )
        self.matching_label = wrapped_label("matchingLabel")
        self._row(_("&Segmentation:"), self.prediction_selector, only_folders=False)
        self._row(_("Re&ference:"), self.reference_selector, only_folders=False)
        self._row(_("Match b&y:"), self.match_combo, only_folders=False)
        for widget in (self.count_missed_check, self.matching_label):
            self._form.addRow(widget)
            self._only[False].append(widget)

    def _add_folders(self) -> None:
        folder, file = ctk.ctkPathLineEdit.Dirs, ctk.ctkPathLineEdit.Files
        tips = (
            _("A label map for each case; names agree with the reference, endings may differ."),
            _("The label maps that count as the truth."),
            _("dataset.json, a student or a colour table that names the structures; may be empty."),
            _("Tables and JSON files are saved here, too; may be empty."),
        )
        rows = (
            ("evaluatePredictionFolder", _("&Segmentations:"), folder),
            ("evaluateReferenceFolder", _("Re&ferences:"), folder),
            ("evaluateLabelsFile", _("&Names:"), file),
            ("evaluateResultsFolder", _("Save &to:"), folder),
        )
        self.paths = {}
        for (name, label, filters), tip in zip(rows, tips):
            edit = ctk.ctkPathLineEdit()
            edit.filters = filters
            edit.toolTip = tip
            self.paths[name] = self.fields.add_path(name, edit)
            self._row(label, edit, only_folders=True)
        self.allow_missing_check = self._check(
            "evaluateAllowMissing",
            _("&Leave out cases without a segmentation"),
            _("The other cases are measured; the missing ones are named. Without it, nothing is measured if one is missing."),
        )
        self._form.addRow(self.allow_missing_check)
        self._only[True].append(self.allow_missing_check)

    def _row(self, text: str, widget: Any, *, only_folders: Optional[bool] = None) -> None:
        """Add a labelled row; one for folders or for nodes only is hidden otherwise."""
        label = qt.QLabel(text)
        label.setBuddy(widget)
        self._form.addRow(label, widget)
        if only_folders is not None:
            self._only[only_folders] += [label, widget]

    def _measures(self) -> Any:
        box = ctk.ctkCollapsibleButton()
        box.objectName = "measuresCollapsible"
        box.text = _("What is measured")
        box.collapsed = True
        form = qt.QFormLayout(box)
        self.tolerances_edit = self.fields.add_text("evaluateTolerances", qt.QLineEdit())
        self.tolerances_edit.toolTip = _("Of the normalised surface distance (NSD), in mm; several are separated by commas.")
        self.percentiles_edit = self.fields.add_text("evaluatePercentiles", qt.QLineEdit())
        self.percentiles_edit.toolTip = _("Of the robust Hausdorff distance; several are separated by commas.")
        texts: Sequence[str] = (_("surface elements (surface-distance)"), _("boundary voxels (Metrics Reloaded, MONAI)"))
        self.definition_combo = self.fields.add_choice("evaluateDefinition", qt.QComboBox(), tuple(zip(DEFINITIONS, texts)))
        self.definition_combo.toolTip = _("What a surface is. Numbers of different definitions must not be compared.")
        form.addRow(_("Tolerances [mm]:"), self.tolerances_edit)
        form.addRow(_("Percentiles:"), self.percentiles_edit)
        form.addRow(_("Surface:"), self.definition_combo)
        self.measures_box = box
        return box

    def _check(self, name: str, text: str, tip: str) -> Any:
        box = qt.QCheckBox(text)
        box.toolTip = tip
        return self.fields.add_check(name, box)


def _selector(kinds: Sequence[str], none: str, tip: str) -> Any:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = list(kinds)
    selector.noneEnabled = True
    selector.noneDisplay = none
    selector.addEnabled = False
    selector.removeEnabled = False
    selector.toolTip = tip
    selector.setMRMLScene(slicer.mrmlScene)
    return selector
