"""Self test of the tab Distil in Slicer, without PyTorch: what is missing is said, and a run is shown with its curves."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import qt
import slicer.util
from self_testing import SelfTest

import slicer

ROWS = "epoch,loss_total,pseudo_dice_mean,learning_rate,seconds_epoch\n0,1.5,0.25,0.01,2\n1,1.25,0.5,0.005,2\n"


class KDSegmentatorTrainingDistilSelfTest(SelfTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp()).resolve()
        self.module = slicer.modules.kdsegmentatortraining
        self.widget = self.module.widgetRepresentation()
        self.widget.enter()
        slicer.util.findChild(self.widget, "tabs").currentIndex = 0
        self.remembered = [self.tab().python_path.currentPath, self.tab().form.run_path.currentPath]

    def tearDown(self) -> None:
        self.tab().python_path.currentPath, self.tab().form.run_path.currentPath = self.remembered
        self.widget.exit()
        shutil.rmtree(self.folder)
        super().tearDown()

    def tab(self):
        return self.widget.self().panel.distil.tab

    def finishedRun(self) -> Path:
        """Return the folder of a run with one student, as the training leaves it."""
        run = self.folder / "run"
        fold = run / "results" / "Dataset004_Hippocampus" / "half_D__nnUNetPlans_x2__3d_fullres" / "fold_0"
        fold.mkdir(parents=True)
        (fold / "training.csv").write_text(ROWS)
        (fold / "checkpoint_final.pth").touch()
        student = {"name": "half_D", "model_folder": str(fold.parent), "fold_folder": str(fold), "parameters": 1_000_000}
        state = {"schema": "kdseg-run/1", "pid": 1, "started": "long ago", "host": "here", "python": "", "settings": {}}
        (run / "run.json").write_text(json.dumps({**state, "students": [student]}))
        (run / "progress.json").write_text(json.dumps({"state": "done", "step": 2, "steps": 2}))
        return run

    def test_a_finished_run_is_shown_with_its_curves(self) -> None:
        self.tab().form.run_path.currentPath = str(self.finishedRun())
        row = [self.tab().table.item(0, column).text() for column in range(5)]
        self.assertEqual(row, ["half_D", "1.00 M", "2 ✓", "1.2500", "0.5000"])
        self.assertEqual(self.tab().export.fields["name"].text, "hippocampus-half-d")
        self.tab().chart_button.click()
        (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), 1)
        table = chart.GetNthPlotSeriesNode(0).GetTableNode().GetTable()
        self.assertEqual([table.GetColumnByName("half_D").GetValue(row) for row in range(2)], [0.25, 0.5])

    def test_a_program_that_is_no_python_is_told(self) -> None:
        self.tab().python_path.currentPath = str(self.folder / "python")
        self.tab().check_button.click()
        self.waitUntil(lambda: self.openError() is not None, "the answer", 60)
        self.openError().close()
        self.assertIn("does not answer as a Python does", self.tab().python_status.sentence_label.text)

    def test_a_process_is_started_of_its_own_and_known_again(self) -> None:
        from KDSegmentatorTrainingLib.distil import process_identity
        from KDSegmentatorTrainingLib.distil.detached import start_detached
        from KDSegmentatorTrainingLib.panel.distil_python import startup_environment

        with open(self.folder / "log", "wb") as log:
            command = [sys.executable, "-c", "import time; time.sleep(60)"]
            process = start_detached(command, self.folder, startup_environment(), log)
        started = process_identity.started_at(process.pid) or ""
        self.assertTrue(process_identity.is_running(process.pid, started))
        process.kill()
        process.wait()
        self.assertFalse(process_identity.is_running(process.pid, started))

    def openError(self):
        windows = qt.QApplication.topLevelWidgets()
        return next((w for w in windows if w.objectName == "KDSegmentatorError" and w.visible), None)
