"""The tab Distil, used as a person would; the companion is played by a stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorTrainingLib.distil.folder import STATE, RunFolder


def errors() -> list:
    return [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]


def texts(dialog) -> str:
    return "\n".join(label.text for label in dialog.findChildren(qt.QLabel))


def row(panel) -> list[str]:
    table = panel.distil.tab.table
    return [table.item(0, place).text() for place in range(table.columnCount)]


def sentence(panel) -> str:
    return panel.distil.tab.status.sentence_label.text


def test_an_empty_form_says_what_is_missing(panel, hands) -> None:
    tab = panel.distil.tab
    assert not tab.main_button.enabled
    assert sentence(panel).startswith("Choose a folder for this run")
    assert tab.python_status.sentence_label.text.startswith("Training needs PyTorch and nnU-Net")
    assert not tab.watch_box.visible
    assert not tab.export_box.visible


def test_the_teacher_brings_its_data_set(ready) -> None:
    assert ready.distil.tab.form.dataset_path.currentPath.endswith(str(Path("nnUNet_preprocessed", "Dataset999_Test")))


def test_a_form_that_is_not_complete_is_refused_before_anything_is_asked(ready, hands, companion) -> None:
    form = ready.distil.tab.form
    for check in form.width_checks.values():
        hands.tick(check, False)
    hands.click(ready.distil.tab.main_button)
    assert "No width of a student is chosen." in texts(errors()[0])
    assert not (companion.folder / "calls").exists()


def test_without_a_python_nothing_starts(ready, hands) -> None:
    ready.distil.tab.python_path.currentPath = ""
    hands.click(ready.distil.tab.main_button)
    assert "No Python that trains is chosen." in texts(errors()[0])


def test_slicers_own_python_is_told_to_lack_torch(panel, hands, wait_until) -> None:
    import sys

    tab = panel.distil.tab
    tab.python_path.currentPath = sys.executable
    hands.click(tab.check_button)
    assert not tab.check_button.enabled
    wait_until(errors, 60, "the answer")
    assert "has no PyTorch" in texts(errors()[0])
    assert "-m pip install" in texts(errors()[0])
    assert tab.python_status.sentence_label.text == "This Python has no PyTorch, so it cannot train."


@pytest.mark.parametrize("program", ["/bin/ls", "/nowhere/python"])
def test_a_program_that_is_no_python_is_told(panel, hands, wait_until, program: str) -> None:
    tab = panel.distil.tab
    tab.python_path.currentPath = program
    hands.click(tab.check_button)
    wait_until(errors, 30, "the answer")
    assert "does not answer as a Python does" in texts(errors()[0])


def test_a_run_from_start_to_stop_to_resume(started, hands, wait_until, companion, tmp_path: Path) -> None:
    tab = started.distil.tab
    assert tab.main_button.text == "&Stop"
    assert tab.progress.time_label.text == "about 2 min left"
    assert not tab.form.teacher_path.enabled
    assert tab.form.run_path.enabled
    wait_until(lambda: row(started)[2] == "3", 20, "three epochs")
    assert row(started) == ["half_D", "1.23 M", "3", "0.1250", "0.7500"]
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 20, "it has stopped")
    assert sentence(started).startswith("Stopped; every step is saved.")
    assert tab.form.teacher_path.enabled
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Stop" and len(companion.calls()) == 4, 30, "it goes on")
    check, run, again, resumed = companion.calls()
    assert check == ["distill", str(tmp_path / "run" / "distil.check.yaml"), "--check", "--json"]
    assert run[:2] == ["distill", str(tmp_path / "run" / "distil.yaml")]
    assert "--resume" in again
    assert "--resume" in resumed
    assert "Teacher: tiny." in started.log.text.plainText
    assert not (tmp_path / "run" / "distil.check.yaml").exists()
    assert "half_D" in (tmp_path / "run" / "distil.yaml").read_text()


def test_a_file_of_ones_own_takes_the_place_of_the_form(
    ready, hands, wait_until, companion, bed, open_tab, tmp_path: Path
) -> None:
    file = tmp_path / "mine" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("dataset: 4")
    tab = ready.distil.tab
    tab.form.teacher_path.currentPath = "/nowhere"
    tab.form.file_path.currentPath = str(file)
    assert not tab.form.teacher_path.enabled
    assert tab.form.file_path.enabled
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Stop" and len(companion.calls()) == 2, 30, "it runs")
    assert [call[1] for call in companion.calls()] == [str(file), str(file)]
    assert file.read_text() == "dataset: 4"
    assert not (tmp_path / "run" / "distil.yaml").exists()
    bed.app.moduleManager()._unload("KDSegmentatorTraining")
    tab = open_tab().distil.tab
    assert tab.form.file_path.currentPath == str(file)
    wait_until(lambda: tab.progress.stage_label.text.startswith("Step "), 30, "its progress")
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 20, "it has stopped")
    tab.form.file_path.currentPath = ""
    assert tab.form.teacher_path.enabled


def test_a_training_outlives_the_panel_and_is_found_again(started, open_tab, bed, hands, wait_until, tmp_path: Path) -> None:
    pid = RunFolder(tmp_path / "run").state().pid
    bed.app.moduleManager()._unload("KDSegmentatorTraining")  # as when Slicer is closed
    assert started.distil.watch.run.phase().value == "running"
    panel = open_tab()
    tab = panel.distil.tab
    assert tab.form.run_path.currentPath == str(tmp_path / "run")
    assert tab.form.teacher_path.currentPath.endswith("nnUNetTrainer__nnUNetPlans__3d_fullres")
    assert tab.main_button.text == "&Stop"
    wait_until(lambda: row(panel)[2] == "3", 20, "its curves")
    assert RunFolder(tmp_path / "run").state().pid == pid
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 20, "it has stopped")


def test_what_does_not_fit_is_told_and_nothing_starts(ready, hands, wait_until, companion, tmp_path: Path) -> None:
    companion.behave("check-fails")
    hands.click(ready.distil.tab.main_button)
    assert sentence(ready) == "Checking settings, data and teacher…"
    assert not ready.distil.tab.main_button.enabled
    wait_until(errors, 30, "the answer")
    assert "The data set has no cases." in texts(errors()[0])
    assert ready.distil.tab.main_button.text == "&Start"
    assert [path.name for path in (tmp_path / "run").iterdir()] == []
    assert len(companion.calls()) == 1


def test_a_companion_that_does_not_start_is_told_with_its_last_words(ready, hands, wait_until, companion) -> None:
    companion.behave("check-crashes")
    hands.click(ready.distil.tab.main_button)
    wait_until(errors, 30, "the answer")
    assert "ImportError: no module named rich" in texts(errors()[0])


def test_a_training_that_fails_is_told_once_and_can_be_resumed(ready, hands, wait_until, run_events, companion) -> None:
    companion.behave("fails")
    hands.click(ready.distil.tab.main_button)
    wait_until(errors, 30, "the failure")
    run_events(0.3)
    assert len(errors()) == 1
    assert "cpu has too little memory for this run." in texts(errors()[0])
    assert "The end of the log" in errors()[0].findChild(qt.QPlainTextEdit).plainText
    assert sentence(ready) == "cpu has too little memory for this run. Lower the batch."
    assert ready.distil.tab.main_button.text == "&Resume"
    assert ready.distil.tab.again_button.visible


def test_a_run_that_does_not_stop_is_ended_after_a_question(ready, hands, wait_until, companion) -> None:
    companion.behave("deaf")
    tab = ready.distil.tab
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Stop", 30, "it runs")
    wait_until(lambda: ready.distil.watch.progress.step, 30, "it tells")
    hands.click(tab.main_button)
    assert tab.main_button.text == "&Stop at once…"
    hands.answer("No")
    hands.click(tab.main_button)
    assert tab.main_button.text == "&Stop at once…"
    hands.answer("Yes")
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 20, "it is gone")
    assert sentence(ready).startswith("Ended at once; the last checkpoint counts")
    assert errors() == []


def test_starting_again_asks_first(started, hands, wait_until, companion) -> None:
    tab = started.distil.tab
    hands.click(tab.main_button)
    wait_until(lambda: tab.main_button.text == "&Resume", 20, "it has stopped")
    hands.answer("No")
    hands.click(tab.again_button)
    hands.answer("Yes")
    hands.click(tab.again_button)
    wait_until(lambda: tab.main_button.text == "&Stop" and len(companion.calls()) == 4, 30, "it runs")
    assert ["--restart" in call for call in companion.calls()] == [False, False, True, True]


def test_a_run_of_another_computer_is_continued_after_a_question(started, hands, wait_until, companion, tmp_path: Path) -> None:
    import dataclasses

    started.distil.watch.kill()
    wait_until(lambda: started.distil.tab.main_button.text == "&Resume", 20, "it is gone")
    folder = RunFolder(tmp_path / "run")
    folder.write_state(dataclasses.replace(folder.state(), host="another-computer"))
    wait_until(lambda: "another computer" in sentence(started), 20, "it is seen")
    hands.answer("No")
    hands.click(started.distil.tab.main_button)
    hands.answer("Yes")
    hands.click(started.distil.tab.main_button)
    wait_until(lambda: len(companion.calls()) == 4, 30, "it runs here")
    assert "--resume" in companion.calls()[-1]


def test_a_folder_with_other_things_is_refused(ready, hands, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "thesis.tex").touch()
    ready.distil.tab.form.run_path.currentPath = str(folder)
    hands.click(ready.distil.tab.main_button)
    assert "This folder holds other things." in texts(errors()[0])
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_a_damaged_state_is_told_once(ready, run_events, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / STATE).write_text(json.dumps({"schema": "other"}))
    ready.distil.tab.form.run_path.currentPath = str(folder)
    run_events(0.4)
    assert len(errors()) == 1
    assert not ready.distil.tab.main_button.enabled


def test_curves_grow_in_a_chart_of_the_scene(started, hands, wait_until) -> None:
    tab = started.distil.tab
    assert not list(slicer.util.getNodesByClass("vtkMRMLPlotChartNode"))
    hands.click(tab.chart_button)
    (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    (table,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    wait_until(lambda: table.GetNumberOfRows() == 3, 20, "three epochs")
    series = chart.GetNthPlotSeriesNode(0)
    assert (chart.GetNumberOfPlotSeriesNodes(), series.GetName(), series.GetXColumnName()) == (1, "half_D", "Epoch")
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Epoch", "Pseudo Dice, mean")
    assert [table.GetTable().GetColumnByName("half_D").GetValue(i) for i in range(3)] == [0.25, 0.5, 0.75]
    hands.choose(tab.quantity_combo, "Losses")
    assert [chart.GetNthPlotSeriesNode(i).GetName() for i in range(2)] == ["half_D: total", "half_D: logits"]
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    hands.choose(tab.quantity_combo, "Learning rate")
    assert chart.GetNumberOfPlotSeriesNodes() == 1
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")) == 1
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == 1


def test_closing_the_scene_takes_the_chart_and_not_the_training(started, hands, wait_until, run_events) -> None:
    hands.click(started.distil.tab.chart_button)
    slicer.mrmlScene.Clear()
    run_events(0.5)
    assert not list(slicer.util.getNodesByClass("vtkMRMLPlotChartNode"))
    assert started.distil.tab.main_button.text == "&Stop"
    started.ui.tabs.currentIndex = 0
    hands.click(started.distil.tab.chart_button)
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1


@pytest.fixture
def finished(ready, hands, wait_until, companion, tmp_path: Path):
    """A run that is done, and a folder for students."""
    qt.QSettings().setValue("KDSegmentator/StudentsFolder", str(tmp_path / "Students"))
    companion.behave("finishes")
    hands.click(ready.distil.tab.main_button)
    wait_until(lambda: sentence(ready).startswith("The training is finished"), 30, "it is done")
    return ready


def test_a_finished_student_is_exported_and_installed(
    finished, hands, wait_until, companion, monkeypatch, tmp_path: Path
) -> None:
    bundle = write_threshold_student(tmp_path)
    monkeypatch.setattr("KDSegmentatorTrainingLib.panel.distil_export.environment", lambda: environment(companion, bundle))
    tab = finished.distil.tab
    assert not tab.main_button.enabled
    assert tab.again_button.visible
    assert row(finished)[2].endswith("✓")
    assert tab.export.fields["name"].text == "test-half-d"
    hands.type(tab.export.fields["licence"], "CC-BY-4.0")
    hands.click(tab.export.export_button)
    assert not tab.export.export_button.enabled
    wait_until(lambda: "is installed" in tab.export.status.sentence_label.text, 30, "the student is installed")
    assert [path.name for path in (tmp_path / "Students").iterdir()] == [bundle.name]
    call = companion.calls()[-1]
    assert call[:2] == ["export", str(tmp_path / "run/results/Dataset999_Test/half_D__nnUNetPlans_x2__3d_fullres")]
    assert call[call.index("--licence") + 1] == "CC-BY-4.0"
    assert call[call.index("--fold") + 1] == "0"


def environment(companion, bundle: Path) -> dict[str, str]:
    from KDSegmentatorTrainingLib.panel import distil_run

    return {**distil_run.environment(), "STAND_IN_BUNDLE": str(bundle)}


def test_an_export_that_fails_says_why(finished, hands, wait_until, companion) -> None:
    companion.behave("export-fails")
    hands.click(finished.distil.tab.export.export_button)
    wait_until(errors, 30, "the failure")
    assert "The student says nonsense." in texts(errors()[0])
    assert finished.distil.tab.export.export_button.enabled


def test_a_name_that_no_student_can_have_is_refused_at_once(finished, hands) -> None:
    hands.type(finished.distil.tab.export.fields["name"], "My Student")
    hands.click(finished.distil.tab.export.export_button)
    assert "This cannot be the name of a student." in texts(errors()[0])
