"""What is compared with what, and what is measured."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import ctk
import qt

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.widgets.building import wrapped_label
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
        form = qt.QFormLayout(place)
        form.setContentsMargins(0, 0, 0, 0)
        self.source_combo = self.fields.add_choice(
            "evaluateFolders", qt.QComboBox(), ((False, _("two nodes of the scene")), (True, _("two folders")))
        )
        form.addRow(_("&Compare:"), self.source_combo)
        self._nodes, self._folders = self._node_page(), self._folder_page()
        form.addRow(self._nodes)
        form.addRow(self._folders)
        self.resample_check = self._check(
            "evaluateResample",
            _("&Resample where grids differ"),
            _("Brings the segmentation onto the reference's grid by nearest neighbours. Otherwise they are refused."),
        )
        form.addRow(self.resample_check)
        form.addRow(self._measures())
        self.table_selector = self.fields.add_node(
            "evaluateTable", _selector(["vtkMRMLTableNode"], _("Make a new table"), _("The table that takes the numbers."))
        )
        form.addRow(_("Ta&ble:"), self.table_selector)

    def show(self, choices: Any) -> None:
        """Show the choices of a parameter node."""
        self.fields.show(choices)
        self._nodes.visible = not choices.evaluateFolders
        self._folders.visible = choices.evaluateFolders

    def show_matching(self, sentence: str) -> None:
        """Say which structures are measured."""
        self.matching_label.text = sentence
        self.matching_label.visible = bool(sentence)

    def set_locked(self, locked: bool) -> None:
        """Lock the choices while a comparison is on."""
        self.fields.set_enabled(not locked)

    def _node_page(self) -> Any:
        page = qt.QWidget()
        form = qt.QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        kinds = ["vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode"]
        choose = _("Choose a segmentation or label map")
        self.prediction_selector = self.fields.add_node(
            "evaluatePrediction", _selector(kinds, choose, _("The segmentation to be judged."))
        )
        self.reference_selector = self.fields.add_node(
            "evaluateReference", _selector(kinds, choose, _("The segmentation that counts as the truth."))
        )
        self.match_combo = self.fields.add_choice(
            "evaluateMatchBy",
            qt.QComboBox(),
            (("auto", _("names, else label values")), ("name", _("names")), ("label", _("label values"))),
        )
        self.match_combo.toolTip = _("What makes a segment and one of the reference the same structure.")
        self.count_missed_check = self._check(
            "evaluateCountMissed",
            _("Count structures that the segmentation lacks as &missed"),
            _("Dice 0. Without it, structures that only one of the two has are not measured. What a student looked for and did")
            + " "
            + _("not find always counts as missed."),
        )
        self.matching_label = wrapped_label("matchingLabel")
        form.addRow(_("&Segmentation:"), self.prediction_selector)
        form.addRow(_("Re&ference:"), self.reference_selector)
        form.addRow(_("Match b&y:"), self.match_combo)
        form.addRow(self.count_missed_check)
        form.addRow(self.matching_label)
        return page

    def _folder_page(self) -> Any:
        page = qt.QWidget()
        form = qt.QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        folder = ctk.ctkPathLineEdit.Dirs
        rows = (
            (
                "evaluatePredictionFolder",
                _("&Segmentations:"),
                folder,
                _("A label map for each case; names agree, endings may differ."),
            ),
            ("evaluateReferenceFolder", _("Re&ferences:"), folder, _("The label maps that count as the truth.")),
            (
                "evaluateLabelsFile",
                _("&Names:"),
                ctk.ctkPathLineEdit.Files,
                _("dataset.json, a student or a colour table; may be empty."),
            ),
            ("evaluateResultsFolder", _("Save &to:"), folder, _("Tables and JSON files are saved here, too; may be empty.")),
        )
        self.paths = {}
        for name, label, filters, tip in rows:
            edit = ctk.ctkPathLineEdit()
            edit.filters = filters
            edit.toolTip = tip
            self.paths[name] = self.fields.add_path(name, edit)
            form.addRow(label, edit)
        self.allow_missing_check = self._check(
            "evaluateAllowMissing",
            _("&Leave out cases without a segmentation"),
            _("The other cases are measured; the missing ones are named. Without it, nothing is measured if one is missing."),
        )
        form.addRow(self.allow_missing_check)
        return page

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
