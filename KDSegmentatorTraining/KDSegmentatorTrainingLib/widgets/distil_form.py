"""The settings of a run, as the tab Distil shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Mapping

import ctk
import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.widgets.building import row
from KDSegmentatorTrainingLib.distil.settings import WIDTHS, share_text
from KDSegmentatorTrainingLib.presentation.distil import device_texts, method_texts

FOLDS = (*range(10), "all")
"""Folds that the form offers."""


class DistilForm:
    """Shows settings and returns them; decides nothing.

    Parameters
    ----------
    place
        Empty widget.
    on_teacher, on_folder, on_file
        Called with the folder or file that the user chose.
    """

    def __init__(
        self,
        place: Any,
        *,
        on_teacher: Callable[[str], None],
        on_folder: Callable[[str], None],
        on_file: Callable[[str], None],
    ) -> None:
        self.teacher_path = path_edit("distilTeacher", _("A model folder of nnU-Net v2, such as …__nnUNetPlans__3d_fullres."))
        self.dataset_path = path_edit("distilDataset", _("The data set's folder inside nnUNet_preprocessed."))
        self.run_path = path_edit("distilFolder", _("Settings, log and students of this run go here. New or empty."))
        self.fold_combo = _combo("distilFold", [str(fold) for fold in FOLDS])
        self.width_checks = {
            width: _check(
                f"distilWidth{width}",
                share_text(width),
                _("A student with {share} of the teacher's channels.").format(share=share_text(width)),
            )
            for width in WIDTHS
        }
        self.method_checks = {value: _check(f"distilMethod{value}", text, tip) for value, text, tip in method_texts()}
        self.mirroring_check = _check("distilMirroring", _("Students mirror when they predict (8 times the work)"))
        self.epochs_spin = _spin("distilEpochs", 1, 100_000, _("nnU-Net's own: 1000"))
        self.iterations_spin = _spin("distilIterations", 1, 100_000, _("nnU-Net's own: 250"))
        self.batch_spin = _spin("distilBatch", 0, 1024, _("Patches in a batch."))
        self.batch_spin.specialValueText = _("as planned")
        self.device_combo = _combo("distilDevice", [text for _value, text in device_texts()])
        tip = _("A YAML file of your own for kdseg-training distill, in place of everything above; empty: the form counts.")
        self.file_path = path_edit("distilFile", tip, ctk.ctkPathLineEdit.Files)
        self._lay_out(place)
        self.teacher_path.connect("currentPathChanged(QString)", on_teacher)
        self.run_path.connect("currentPathChanged(QString)", on_folder)
        self.file_path.connect("currentPathChanged(QString)", on_file)

    def values(self) -> Dict[str, Any]:
        """Return what the form says, as :class:`KDSegmentatorTrainingLib.distil.settings.DistilSettings` takes it."""
        return {
            "teacher": _path(self.teacher_path),
            "dataset": _path(self.dataset_path),
            "fold": FOLDS[self.fold_combo.currentIndex],
            "widths": tuple(width for width, check in self.width_checks.items() if check.checked),
            "methods": tuple(value for value, check in self.method_checks.items() if check.checked),
            "mirroring": bool(self.mirroring_check.checked),
            "epochs": int(self.epochs_spin.value),
            "iterations": int(self.iterations_spin.value),
            "batch_size": int(self.batch_spin.value),
            "device": device_texts()[self.device_combo.currentIndex][0],
        }

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show settings; what is not among them stays."""
        paths = {"teacher": self.teacher_path, "dataset": self.dataset_path, "file": self.file_path}
        for name, path in paths.items():
            if name in values:
                path.currentPath = str(values[name])
        for name, combo, offered in (
            ("fold", self.fold_combo, list(FOLDS)),
            ("device", self.device_combo, [value for value, _text in device_texts()]),
        ):
            if values.get(name, "") in offered:
                combo.currentIndex = offered.index(values[name])
        for name, checks in (("widths", self.width_checks), ("methods", self.method_checks)):
            for value, check in checks.items():
                check.checked = value in values[name] if name in values else check.checked
        self.mirroring_check.checked = bool(values.get("mirroring", self.mirroring_check.checked))
        for name, spin in (("epochs", self.epochs_spin), ("iterations", self.iterations_spin), ("batch_size", self.batch_spin)):
            spin.value = int(values.get(name, spin.value))

    def own_file(self) -> Path:
        """Return the chosen settings file; an empty path for none."""
        return _path(self.file_path)

    def run_folder(self) -> Path:
        """Return the chosen folder of the run; an empty path for none."""
        return _path(self.run_path)

    def set_locked(self, locked: bool) -> None:
        """Lock the settings while a run is on; its folder can always be changed, to look at another run."""
        self.file_path.enabled = not locked
        for widget in self._fields:
            widget.enabled = not locked and self.own_file() == Path()

    def _lay_out(self, place: Any) -> None:
        layout = qt.QFormLayout(place)
        layout.setContentsMargins(0, 0, 0, 0)
        widths, methods, budget = qt.QWidget(), qt.QWidget(), qt.QWidget()
        for widget, checks in ((widths, self.width_checks), (methods, self.method_checks)):
            line = row(*checks.values(), spacing=10)
            line.addStretch(1)
            widget.setLayout(line)
        times = qt.QLabel("×")
        times.setSizePolicy(qt.QSizePolicy.Fixed, qt.QSizePolicy.Preferred)
        budget.setLayout(row(self.epochs_spin, times, self.iterations_spin))
        fields = (
            (_("Teacher:"), self.teacher_path),
            (_("Data set:"), self.dataset_path),
            (_("Fold:"), self.fold_combo),
            (_("Widths:"), widths),
            (_("Learn from:"), methods),
            ("", self.mirroring_check),
            (_("Epochs × steps:"), budget),
            (_("Batch:"), self.batch_spin),
            (_("Device:"), self.device_combo),
        )
        for label, widget in (*fields, (_("Or a file:"), self.file_path), (_("Folder of the run:"), self.run_path)):
            layout.addRow(label, widget)
        self._fields = [widget for _label, widget in fields]


def path_edit(name: str, tip: str, kind: Any = ctk.ctkPathLineEdit.Dirs) -> Any:
    """Return a field for a path: a folder, or ``ctk.ctkPathLineEdit.Files``."""
    edit = ctk.ctkPathLineEdit()
    edit.objectName = name
    edit.filters = kind
    edit.toolTip = tip
    edit.showHistoryButton = False
    return edit


def _combo(name: str, texts: Any) -> Any:
    combo = qt.QComboBox()
    combo.objectName = name
    combo.addItems(list(texts))
    combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
    combo.minimumContentsLength = 8
    return combo


def _check(name: str, text: str, tip: str = "") -> Any:
    check = qt.QCheckBox(text)
    check.objectName = name
    check.toolTip = tip
    return check


def _spin(name: str, least: int, most: int, tip: str) -> Any:
    spin = qt.QSpinBox()
    spin.objectName = name
    spin.setRange(least, most)
    spin.toolTip = tip
    return spin


def _path(edit: Any) -> Path:
    text = str(edit.currentPath).strip()
    return Path(text) if text else Path()
