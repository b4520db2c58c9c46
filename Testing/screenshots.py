"""Pictures of the real panel, made without Slicer: ``python Testing/screenshots.py [FOLDER]``.

The panel, its form and its child process are the extension's own; Slicer's application is played by ``slicer_bed``. The
pictures go to ``Resources/Screenshots``, or to FOLDER. The head in them, and the picture of the demo, are what ``python3 run.py
demo`` left behind.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Callable

REPOSITORY = Path(__file__).resolve().parents[1]
WIDTH = 460
"""Width of the panel in Slicer's left column, in pixels."""

HEAD, DEMO_PICTURE = REPOSITORY / "demo/input/brain/mni152_brain.nii.gz", REPOSITORY / "demo/mni152_brain.png"
"""What the demo segments, and what it shows."""

MARGIN = 12
"""Space below the panel, in pixels."""


def main(arguments: list[str]) -> int:
    """Write the pictures and return the exit code."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_SCALE_FACTOR", "2")
    for folder in ("KDSegmentator", "KDSegmentatorTraining", "Testing/Python"):
        sys.path.insert(0, str(REPOSITORY / folder))
    from screenshots_distil import DistilPhotographer
    from screenshots_training import TrainingPhotographer

    import slicer_bed

    target = Path(arguments[0]) if arguments else REPOSITORY / "Resources" / "Screenshots"
    if not (HEAD.is_file() and DEMO_PICTURE.is_file()):
        print(f"{HEAD} and {DEMO_PICTURE} are missing. Run python3 run.py demo first.", file=sys.stderr)
        return 1
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DEMO_PICTURE, target / "demo.png")
    bed = slicer_bed.start()
    for photographer in (Photographer, TrainingPhotographer, DistilPhotographer):
        bed.inside_event_loop(lambda photographer=photographer: photographer(bed, target).take_all())
        bed.reset()
    return 0


class Photographer:
    """Uses the panel as a radiologist would, and takes a picture at every step."""

    def __init__(self, bed: Any, folder: Path) -> None:
        from slicer_bed.hands import Hands

        self._bed, self._folder, self._hands = bed, folder, Hands()
        folder.mkdir(parents=True, exist_ok=True)
        self._widget = bed.load_module("KDSegmentator").widgetRepresentation()
        self._widget.resize(WIDTH, 600)
        self._widget.show()
        self._widget.enter()
        self._panel = self._widget.self().panel

    def take_all(self) -> None:
        """Take every picture, in the order of a first use."""
        self._bed.run_events(0.2)
        self._take("empty")
        self._load_head()
        self._until(lambda: self._panel.status.estimate_label.text)
        self._take("ready")
        self._consent()
        self._run()
        self._advanced()
        self._queue()
        self._error()
        self._choose()

    def _run(self) -> None:
        ui, hands = self._panel.ui, self._hands
        hands.click(self._panel.structures.summary_button)
        hands.click(ui.volumesTableCheck)
        hands.click(ui.segmentButton)
        self._until(lambda: self._panel.progress.stage_label.text == "Segmenting" and self._panel.progress.bar.value > 20)
        self._take("running")
        self._until(lambda: ui.segmentButton.text == "&Segment")
        ui.logCollapsible.collapsed = False
        self._take("result")
        ui.logCollapsible.collapsed = True
        hands.click(self._panel.structures.summary_button)

    def _advanced(self) -> None:
        self._panel.ui.segmentCollapsible.collapsed = True
        self._panel.ui.advancedCollapsible.collapsed = False
        self._panel.advanced.box.show_folder("Documents/Students")  # the real one names a folder of this computer
        self._take("advanced")
        self._panel.ui.advancedCollapsible.collapsed = True

    def _queue(self) -> None:
        self._load("Case 2")
        self._load("Case 3")
        self._panel.ui.batchCollapsible.collapsed = False
        self._bed.run_events(0.1)
        self._hands.click(self._panel.batch.view.start_button)
        self._until(lambda: self._panel.batch.view.table.item(0, 1).text() == "done")
        self._until(lambda: self._panel.batch.view.progress.stage_label.text == "Segmenting")
        self._take("queue")
        self._hands.click(self._panel.batch.view.start_button)
        self._until(lambda: not self._panel.batch.view.progress.bar.visible)
        self._panel.ui.batchCollapsible.collapsed = True
        self._panel.ui.segmentCollapsible.collapsed = False

    def _error(self) -> None:
        import numpy as np
        import qt
        import slicer.util

        volume = self._panel.ui.inputSelector.currentNode()
        slicer.util.updateVolumeFromArray(volume, np.full((40, 56, 40), 7, np.int16))
        self._hands.click(self._panel.ui.segmentButton)
        self._until(lambda: self._panel.ui.segmentButton.text == "&Segment")
        (dialog,) = [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
        self._bed.run_events(0.1)
        self._save(dialog, "error")
        dialog.close()

    def _choose(self) -> None:
        """A family of three with stated, made-up numbers; the question with a limit on time."""
        from kdseg_testing.threshold_student import write_threshold_student

        folder = Path(self._panel.students.folder())
        folder.mkdir(parents=True, exist_ok=True)
        for name, dice, seconds in (("tissue-whole", 0.91, 240.0), ("tissue-half", 0.90, 65.0), ("tissue-quarter", 0.88, 18.0)):
            share = {"mean": dice, "n": 40, "interval": [dice - 0.01, dice + 0.01], "confidence": 0.95}
            classes = [{"value": 1, "dice": share, "nsd": share, "hd95_mm": {**share, "interval": [0.0, 2.0]}}]
            task = {"hardware": "an office computer", "threads": 4, "engine": "cpu", "task": "one head", "n": 20}
            write_threshold_student(
                folder,
                name=name,
                quality={"test_set": "40 example cases", "method": "made up", "classes": classes},
                latency=[{**task, "median_s": seconds}],
            )
        self._load("T1 head")
        self._panel.refresh()
        self._hands.choose(self._panel.students.picker.combo, "tissue-whole 1.0.0")

        def look(dialog: Any) -> None:
            (spin,) = [w for w in dialog.findChildren(type(self._panel.ui.threadsSpin)) if w.objectName == "chooseSeconds"]
            spin.value = 90
            dialog.resize(dialog.sizeHint)
            self._bed.run_events(0.1)
            self._save(dialog, "choose")
            dialog.reject()

        self._hands.answer(look)
        self._hands.click(self._panel.students.picker.choose_button)

    def _consent(self) -> None:
        from KDSegmentatorLib.presentation.consent import consent_view
        from KDSegmentatorLib.widgets.consent_dialog import ConsentDialog

        command = "kdseg wheelhouse packages --python 3.12 --platform windows"
        view = consent_view(("onnxruntime>=1.19,<2",), faster="onnxruntime-openvino", offline_command=command)
        dialog = ConsentDialog(view, self._panel.root)
        dialog.dialog.show()
        self._hands.click(dialog.folder_radio)
        dialog.dialog.resize(dialog.dialog.sizeHint)  # the screen of the offscreen platform is small
        self._bed.run_events(0.1)
        self._save(dialog.dialog, "consent")
        dialog.dialog.close()

    def _load_head(self) -> None:
        import slicer.util

        slicer.util.loadVolume(str(HEAD), properties={"name": "MNI152 brain"})
        self._bed.run_events(0.1)

    def _load(self, name: str) -> None:
        import numpy as np
        import slicer.util

        k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in (40, 56, 40)), indexing="ij")
        blob = 80 * np.exp(-(12 * k**2 + j**2 + 6 * i**2))
        voxels = 100 + blob + np.random.default_rng(7).normal(0, 6, blob.shape)
        slicer.util.addVolumeFromArray(voxels.astype(np.int16), name=name)
        self._bed.run_events(0.1)

    def _until(self, condition: Callable[[], object]) -> None:
        self._bed.wait_until(condition, 120)

    def _take(self, name: str) -> None:
        import qt

        self._bed.run_events(0.05)
        self._widget.resize(WIDTH, self._widget.sizeHint.height())
        self._bed.run_events(0.1)
        last = self._panel.ui.batchCollapsible
        bottom = last.mapTo(self._widget, qt.QPoint(0, last.height)).y()
        self._save(self._widget, name, qt.QRect(0, 0, self._widget.width, bottom + MARGIN))

    def _save(self, widget: Any, name: str, part: Any = None) -> None:
        path = self._folder / f"panel-{name}.png"
        picture = widget.grab() if part is None else widget.grab(part)
        if not picture.save(str(path)):
            raise OSError(f"{path} cannot be written")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
