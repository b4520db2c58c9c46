"""A real, tiny training from the panel to the list of students: started, left, found again, stopped, continued, exported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import qt
import slicer.util

from kdseg.bundle import load_student
from kdseg_testing.training_python import VARIABLE, prepare_training, training_python
from KDSegmentatorTrainingLib.distil.folder import RunFolder


def row(panel) -> list[str]:
    table = panel.distil.tab.table
    return [table.item(0, place).text() for place in range(table.columnCount)]


def epochs(panel) -> int:
    return int(row(panel)[2].split()[0]) if panel.distil.tab.table.rowCount else 0


def fill_in(form, teacher: Path, dataset: Path, run: Path) -> None:
    form.teacher_path.currentPath = str(teacher)
    form.dataset_path.currentPath = str(dataset)
    form.run_path.currentPath = str(run)
    form.show_values({"widths": (2,), "epochs": 3, "iterations": 4, "batch_size": 2, "device": "cpu"})


def test_from_a_teacher_to_a_student_in_the_list(open_tab, bed, hands, wait_until, tmp_path: Path) -> None:
    teacher, dataset = prepare_training(tmp_path)
    qt.QSettings().setValue("KDSegmentator/StudentsFolder", str(tmp_path / "Students"))
    panel = open_tab()
    tab = panel.distil.tab
    tab.python_path.currentPath = training_python()
    hands.click(tab.check_button)
    wait_until(lambda: "PyTorch" in tab.python_status.sentence_label.text, 300, "the Python answers")
    assert "; trains on " in tab.python_status.sentence_label.text
    fill_in(tab.form, teacher, dataset, tmp_path / "run")

    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Stop", 300, "the training starts")
    assert "Teacher: nnUNetTrainer__nnUNetPlans__3d_fullres" in panel.log.text.plainText
    bed.app.moduleManager()._unload("KDSegmentatorTraining")  # Slicer is closed ...
    panel = open_tab()  # ... and opened again
    tab = panel.distil.tab
    assert tab.main_button.text == "&Stop"
    wait_until(lambda: epochs(panel) >= 1, 300, "an epoch")
    hands.click(tab.chart_button)
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 300, "it has stopped")
    stopped = RunFolder(tmp_path / "run").progress()
    assert stopped.state == "stopped"
    assert 4 <= stopped.step < 12

    hands.click(tab.main_button)
    wait_until(lambda: tab.status.sentence_label.text.startswith("The training is finished"), 600, "it is done")
    assert row(panel)[0] == "half_D"
    assert row(panel)[2] == "3 ✓"
    (table,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert table.GetNumberOfRows() == 3

    tab.export.fields["modality"].text = "MR"
    hands.click(tab.export.export_button)
    wait_until(lambda: "is installed" in tab.export.status.sentence_label.text, 300, "the student is installed")
    (bundle,) = (tmp_path / "Students").iterdir()
    student = load_student(bundle)
    assert (student.name, student.version, student.document["modality"]) == ("test-half-d", "1.0.0", "MR")
    assert student.document["provenance"]["distillation"]["method"] == "method D: soft_dice"


def test_without_the_training_environment_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "python"))
    with pytest.raises(AssertionError, match=r"run\.py test"):
        training_python()
    assert os.environ[VARIABLE]
