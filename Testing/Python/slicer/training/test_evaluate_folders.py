"""Two folders of label maps, in the panel: rows for each case, refusals by name, a case loaded by a click on its row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import slicer.util

import slicer

SPACING_XYZ_MM = (1.0, 1.0, 2.0)


def write(path: Path, labels: np.ndarray, spacing=SPACING_XYZ_MM) -> None:
    path.parent.mkdir(exist_ok=True)
    image = SimpleITK.GetImageFromArray(labels.astype(np.uint8))
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(path))


def write_named(path: Path, labels: np.ndarray, names: dict[int, str]) -> None:
    image = SimpleITK.GetImageFromArray(labels)
    image.SetSpacing(SPACING_XYZ_MM)
    for index, (value, name) in enumerate(names.items()):
        for field, text in (("ID", name), ("Name", name), ("LabelValue", str(value)), ("Layer", "0")):
            image.SetMetaData(f"Segment{index}_{field}", text)
    SimpleITK.WriteImage(image, str(path))


def cube(edge: int, value: int = 1) -> np.ndarray:
    """Return a label map with a cube of ``edge`` voxels that begins at voxel (4, 4, 4)."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4 : 4 + edge, 4 : 4 + edge, 4 : 4 + edge] = value
    return labels


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three cases: right, one plane too large along z, and missed."""
    predictions, references = tmp_path / "predictions", tmp_path / "references"
    for case, predicted in (("a", cube(6)), ("b", cube(6)), ("c", np.zeros((20, 20, 20)))):
        write(references / f"{case}.nii.gz", cube(6))
        write(predictions / f"{case}.nii.gz", predicted)
    grown = cube(6)
    grown[10, 4:10, 4:10] = 1
    write(predictions / "b.nii.gz", grown)
    return predictions, references


@pytest.fixture
def chosen(panel, hands, folders):
    """The panel with both folders chosen."""
    inputs = panel.evaluate.tab.inputs
    hands.choose(inputs.source_combo, "two folders")
    inputs.paths["evaluatePredictionFolder"].currentPath = str(folders[0])
    inputs.paths["evaluateReferenceFolder"].currentPath = str(folders[1])
    return panel.evaluate


@pytest.fixture
def evaluate(hands, wait_until):
    """Return a function that presses the button and waits until the comparison has ended."""

    def run(control) -> None:
        hands.click(control.tab.start_button)
        wait_until(lambda: control.tab.start_button.text == "Evaluate", 90, "the comparison has ended")

    return run


def column(table, name: str) -> list:
    return [table.GetTable().GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]


def test_every_case_has_its_row_and_every_structure_its_summary(chosen, evaluate) -> None:
    evaluate(chosen)
    rows = chosen.parameters.evaluateTable
    assert column(rows, "Case") == ["a", "b", "c"]
    assert column(rows, "Dice") == pytest.approx([1.0, 2 * 216 / (216 + 252), 0.0])
    assert column(rows, "HD [mm]") == [0.0, 2.0, np.inf]
    summary = rows.GetNodeReference("KDSegmentatorSummary")
    assert [column(summary, name)[0] for name in ("Cases", "Detected", "Missed", "Hallucinated")] == [3, 2, 1, 0]
    dice = [1.0, 432 / 468, 0.0]
    assert column(summary, "Dice mean")[0] == pytest.approx(np.mean(dice))
    assert column(summary, "Dice SD")[0] == pytest.approx(np.std(dice, ddof=1))
    assert column(summary, "HD [mm] mean")[0] == pytest.approx(1.0)  # of the two that were found
    assert "Missed (Dice 0, distances infinite): label 1 (c)." in chosen.tab.status.sentence_label.text


def test_limits_of_agreement_are_drawn_for_one_structure(chosen, evaluate, hands) -> None:
    evaluate(chosen)
    hands.choose(chosen.tab.results.chart_combo, "Volumes (Bland–Altman)")
    hands.choose(chosen.tab.results.structure_combo, "label 1")
    chart = chosen.results.chart()
    names = [chart.GetNthPlotSeriesNode(index).GetName() for index in range(chart.GetNumberOfPlotSeriesNodes())]
    differences = np.array([0, 36, -216]) * 0.002
    bias, sd = differences.mean(), differences.std(ddof=1)
    values = [bias, bias - 1.96 * sd, bias + 1.96 * sd]
    titles = [f"{title} {value:.3g} ml" for title, value in zip(("Bias", "Lower limit", "Upper limit"), values)]
    assert names == ["label 1", *titles]
    lower = chart.GetNthPlotSeriesNode(2)
    assert column(lower.GetTableNode(), lower.GetYColumnName()) == pytest.approx([values[1]] * 2)


def test_a_click_loads_the_case_and_goes_to_its_largest_error(chosen, evaluate, wait_until) -> None:
    evaluate(chosen)
    chosen.tab.results.table.selectRow(1)
    assert chosen.tab.results.place_label.text == "Looking for the largest error of b…"
    wait_until(lambda: "apart" in chosen.tab.results.place_label.text, 60)
    right, anterior, superior = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").GetCrosshairRAS()
    assert superior == pytest.approx(2.0 * 10.5)  # the far face of the plane that is too much
    assert -9.5 <= right <= -3.5
    assert -9.5 <= anterior <= -3.5
    names = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")]
    assert names == ["b segmentation", "b reference"]
    segmentation = slicer.util.getNode("b segmentation").GetSegmentation()
    assert segmentation.GetNthSegment(0).GetName() == "label 1"
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode") == 0
    chosen.tab.results.table.selectRow(0)
    wait_until(lambda: "label 1: 0.00 mm apart" in chosen.tab.results.place_label.text, 60)
    chosen.tab.results.table.selectRow(1)  # known by now, and not loaded again
    assert "label 1: 2.00 mm apart" in chosen.tab.results.place_label.text
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 4


def test_a_click_goes_to_the_structure_of_that_name_whatever_its_number_is(chosen, evaluate, folders, wait_until) -> None:
    near = np.zeros((20, 20, 20), np.uint8)
    near[1:4, 1:4, 1:4], near[12:16, 12:16, 12:16] = 1, 2
    wrong = near.copy()
    wrong[1, 1, 1] = wrong[15, 15, 15] = 0
    for folder, labels in zip(folders, (wrong, near)):
        for path in folder.iterdir():
            path.unlink()
        write_named(folder / "a.seg.nrrd", labels, {1: "liver", 2: "spleen"})
        write_named(folder / "b.seg.nrrd", np.array([0, 2, 1], np.uint8)[labels], {1: "spleen", 2: "liver"})
    evaluate(chosen)
    assert [(row.case, row.name) for row in chosen.results.result.rows][2] == ("b", "liver")
    chosen.tab.results.table.selectRow(2)
    wait_until(lambda: "liver: " in chosen.tab.results.place_label.text, 60)
    superior = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").GetCrosshairRAS()[2]
    assert superior == pytest.approx(2.0, abs=2.0)  # of voxel 1, 2 mm apart; the spleen's error is at 30 mm


def test_a_case_on_another_grid_is_refused_by_name_and_the_others_measured(chosen, evaluate, folders) -> None:
    write(folders[0] / "b.nii.gz", cube(6), spacing=(1.0, 1.0, 3.0))
    evaluate(chosen)
    assert column(chosen.parameters.evaluateTable, "Case") == ["a", "c"]
    assert "b was refused." in chosen.tab.status.sentence_label.text


def test_missing_cases_are_refused_unless_they_may_be_missing(chosen, evaluate, folders, hands, run_events) -> None:
    (folders[0] / "b.nii.gz").unlink()
    evaluate(chosen)
    (dialog,) = [w for w in error_dialogs() if w.visible]
    assert chosen.tab.status.sentence_label.text.startswith("Not compared: ")
    dialog.close()
    run_events(0.05)
    hands.click(chosen.tab.inputs.allow_missing_check)
    evaluate(chosen)
    assert column(chosen.parameters.evaluateTable, "Case") == ["a", "c"]
    assert "No segmentation, in no average: b." in chosen.tab.status.sentence_label.text


def test_results_are_saved_where_the_user_wants_them(chosen, evaluate, tmp_path: Path) -> None:
    target = tmp_path / "results"
    chosen.tab.inputs.paths["evaluateResultsFolder"].currentPath = str(target)
    evaluate(chosen)
    assert {"cases.csv", "evaluation.json", "summary.json"} <= {path.name for path in target.iterdir()}


def test_a_folder_that_is_not_there_is_said_before_anything_starts(chosen, tmp_path: Path) -> None:
    chosen.tab.inputs.paths["evaluateReferenceFolder"].currentPath = str(tmp_path / "nowhere")
    assert not chosen.tab.start_button.enabled
    assert chosen.tab.status.sentence_label.text.startswith("There is no such folder.")


def error_dialogs() -> list:
    import qt

    return [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError"]
