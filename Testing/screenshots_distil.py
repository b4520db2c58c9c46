"""Pictures of the tab Distil, with a real training of a tiny student; ``Testing/screenshots.py`` takes them with the others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable

WIDTH, MARGIN = 460, 12
"""Width of the panel, and space below it, in pixels."""

SPARE = 80
"""Room for texts that wrap, in pixels."""

SHOWN = "/data/nnUNet_results/Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__3d_fullres"
SHOWN_DATA, SHOWN_RUN, SHOWN_PYTHON = (
    "/data/nnUNet_preprocessed/Dataset004_Hippocampus",
    "/data/runs/hippocampus",
    "/envs/nnunet",
)
"""Folders in the pictures; the real ones name folders of this computer."""

SECONDS = 900.0
"""How long a training of a few steps may take on a busy computer."""


class DistilPhotographer:
    """Trains as an engineer would, and takes a picture at every step.

    Parameters
    ----------
    bed
        The running application.
    folder
        Where the pictures go.
    """

    def __init__(self, bed: Any, folder: Path) -> None:
        from slicer_bed.hands import Hands

        self._bed, self._folder, self._hands = bed, folder, Hands()
        folder.mkdir(parents=True, exist_ok=True)
        self._widget = bed.load_module("KDSegmentatorTraining").widgetRepresentation()
        self._widget.resize(WIDTH, 900)
        self._widget.show()
        self._widget.enter()
        self._panel = self._widget.self().panel
        self._panel.ui.tabs.currentIndex = 0
        self._tab = self._panel.distil.tab

    def take_all(self) -> None:
        """Take every picture, in the order of a first use."""
        self._bed.run_events(0.2)
        with tempfile.TemporaryDirectory() as folder:
            self._train(Path(folder))

    def _train(self, folder: Path) -> None:
        from kdseg_testing.training_python import prepare_training, training_python

        teacher, dataset = prepare_training(folder)
        form = self._tab.form
        self._tab.python_path.currentPath = training_python()
        self._hands.click(self._tab.check_button)
        self._until(lambda: "PyTorch" in self._tab.python_status.sentence_label.text)
        form.teacher_path.currentPath, form.dataset_path.currentPath = str(teacher), str(dataset)
        form.run_path.currentPath = str(folder / "run")
        form.show_values({"widths": (2, 4), "methods": ("D", "alone"), "epochs": 8, "iterations": 5, "batch_size": 2})
        self._hands.click(self._tab.main_button)
        self._until(lambda: self._tab.progress.bar.value > 50 and self._tab.progress.time_label.text)
        self._take("running")
        self._until(lambda: self._tab.status.sentence_label.text.startswith("The training is finished"))
        self._tab.python_box.collapsed = self._tab.form_box.collapsed = True
        fields = self._tab.export.fields
        stated = {"name": "hippocampus-half", "licence": "CC-BY-SA-4.0", "modality": "MR", "body_part": "Hippocampus"}
        for name, text in stated.items():
            fields[name].text = text
        self._hands.click(self._tab.export.export_button)
        self._until(lambda: "is installed" in self._tab.export.status.sentence_label.text)
        self._take("export")

    def _until(self, condition: Callable[[], object]) -> None:
        self._bed.wait_until(condition, SECONDS)

    def _take(self, name: str) -> None:
        import qt

        form = self._tab.form
        shown = {
            form.teacher_path: SHOWN,
            form.dataset_path: SHOWN_DATA,
            form.run_path: SHOWN_RUN,
            self._tab.python_path: f"{SHOWN_PYTHON}/bin/python",
        }
        real = {edit: edit.currentPath for edit in shown}
        self._show({edit: text for edit, text in shown.items() if real[edit]})
        self._widget.resize(WIDTH, self._widget.sizeHint.height() + SPARE)
        self._bed.run_events(0.1)
        log = self._panel.ui.logCollapsible
        bottom = log.mapTo(self._widget, qt.QPoint(0, log.height)).y()
        path = self._folder / f"training-distil-{name}.png"
        if not self._widget.grab(qt.QRect(0, 0, self._widget.width, bottom + MARGIN)).save(str(path)):
            raise OSError(f"{path} cannot be written")
        self._show(real)

    @staticmethod
    def _show(texts: Any) -> None:
        for edit, text in texts.items():
            blocked = edit.blockSignals(True)
            edit.currentPath = text
            edit.blockSignals(blocked)
