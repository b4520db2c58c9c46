"""Pictures of the tabs Evaluate and Profile, with real comparisons; ``Testing/screenshots.py`` takes them with the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

WIDTH, MARGIN = 460, 12
"""Width of the panel, and space below it, in pixels."""

SHAPE = (60, 70, 64)
"""Voxels of the volume, along (k, j, i), 1 mm each."""

SECONDS = 900.0
"""How long a step may take on a busy computer."""

FAMILY = (("tissue-whole", 0.91), ("tissue-half", 0.90), ("tissue-quarter", 0.88))
"""Students of the picture and their made-up quality."""


class TrainingPhotographer:
    """Compares and measures as an engineer would, and takes pictures.

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
        self._install_family()
        self._widget = bed.load_module("KDSegmentatorTraining").widgetRepresentation()
        self._widget.resize(WIDTH, 900)
        self._widget.show()
        self._widget.enter()
        self._panel = self._widget.self().panel

    def take_all(self) -> None:
        """Take every picture."""
        self._evaluate()
        self._profile()

    def _evaluate(self) -> None:
        self._panel.ui.tabs.currentIndex = 1
        tab = self._panel.evaluate.tab
        prediction, reference = self._segmentations()
        self._hands.choose_node(tab.inputs.prediction_selector, prediction)
        self._hands.choose_node(tab.inputs.reference_selector, reference)
        self._hands.click(tab.inputs.count_missed_check)
        self._hands.click(tab.start_button)
        self._until(lambda: tab.start_button.text == "Evaluate")
        tab.results.table.selectRow(0)
        self._take("evaluate-result")
        self._hands.choose(tab.inputs.source_combo, "two folders")
        tab.inputs.measures_box.collapsed = False
        tab.results.hide()
        self._take("evaluate-folders")

    def _profile(self) -> None:
        import slicer.util

        self._panel.ui.tabs.currentIndex = 2
        tab = self._panel.profile.tab
        for index in range(tab.inputs.list.count):
            item = tab.inputs.list.item(index)
            self._hands.tick(item, item.text().startswith("tissue"))
        tab.inputs.volume_selector.setCurrentNode(slicer.util.getNode("abdomen"))
        tab.inputs.repetitions_spin.value = 2
        self._hands.click(tab.start_button)
        self._until(lambda: tab.progress.bar.value > 20)
        self._take("profile-running")
        self._until(lambda: tab.start_button.text == "Profile")
        tab.results.dice_spin.value = 0.895
        self._take("profile-result", more=140)

    def _install_family(self) -> None:
        from kdseg_testing.threshold_student import write_threshold_student
        from KDSegmentatorLib.students import default_user_folder

        folder = default_user_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for name, dice in FAMILY:
            share = {"mean": dice, "n": 40, "interval": [dice - 0.01, dice + 0.01], "confidence": 0.95}
            classes = [{"value": 1, "dice": share, "nsd": share, "hd95_mm": {**share, "interval": [0.0, 2.0]}}]
            quality = {"test_set": "40 example cases", "method": "made up", "classes": classes}
            write_threshold_student(folder, name=name, quality=quality)

    def _segmentations(self) -> tuple[Any, Any]:
        import numpy as np
        import slicer.util

        volume = slicer.util.addVolumeFromArray(np.random.default_rng(5).normal(0, 50, SHAPE).astype(np.int16), name="abdomen")
        k, j, i = np.indices(SHAPE)
        liver = ((k - 28) / 16) ** 2 + ((j - 34) / 22) ** 2 + ((i - 22) / 16) ** 2 < 1
        spur = (abs(k - 40) < 5) & (abs(j - 34) < 5) & (abs(i - 24) < 5)
        spleen = ((k - 34) / 9) ** 2 + ((j - 44) / 8) ** 2 + ((i - 52) / 6) ** 2 < 1
        kidney = ((k - 18) / 8) ** 2 + ((j - 50) / 6) ** 2 + ((i - 40) / 5) ** 2 < 1
        lesion = ((k - 30) / 3) ** 2 + ((j - 34) / 3) ** 2 + ((i - 20) / 3) ** 2 < 1
        found = {
            "Student": {"liver": liver | spur, "spleen": np.roll(spleen, 1, axis=1), "left kidney": kidney},
            "Expert": {"liver": liver, "spleen": spleen, "left kidney": kidney, "liver lesion": lesion},
        }
        nodes = []
        for name, masks in found.items():
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
            node.CreateDefaultDisplayNodes()
            node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            for title, mask in masks.items():
                identifier = node.GetSegmentation().AddEmptySegment("", title)
                slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), node, identifier, volume)
            nodes.append(node)
        self._bed.run_events(0.1)
        return nodes[0], nodes[1]

    def _until(self, condition: Callable[[], object]) -> None:
        self._bed.wait_until(condition, SECONDS)

    def _take(self, name: str, more: int = 0) -> None:
        """Take a picture; ``more`` pixels of height make room for long sentences, which Slicer's panel would scroll."""
        import qt

        self._bed.run_events(0.1)
        self._widget.resize(WIDTH, self._widget.sizeHint.height() + more)
        self._bed.run_events(0.1)
        log = self._panel.ui.logCollapsible
        bottom = log.mapTo(self._widget, qt.QPoint(0, log.height)).y()
        path = self._folder / f"training-{name}.png"
        if not self._widget.grab(qt.QRect(0, 0, self._widget.width, bottom + MARGIN)).save(str(path)):
            raise OSError(f"{path} cannot be written")
