"""Two nodes of the scene against each other: from the click to table, charts and the place of the largest error."""

from __future__ import annotations

import numpy as np
import pytest
import slicer.util

import slicer

from .conftest import box

LIVER = box((4, 12), (5, 15), (6, 16))
LIVER_GROWN = box((4, 14), (5, 15), (6, 16))  # two voxels more along k: 4 mm
KIDNEY = box((2, 6), (16, 22), (18, 26))


@pytest.fixture
def pair(add_segmentation):
    """A segmentation and its reference: the liver is too large, the kidney right."""
    prediction = add_segmentation("student", {"Kidney": KIDNEY, "liver ": LIVER_GROWN, "Spleen": box((0, 2), (0, 2), (0, 2))})
    reference = add_segmentation("expert", {"Liver": LIVER, "kidney": KIDNEY})
    return prediction, reference


@pytest.fixture
def chosen(panel, pair, hands):
    """The panel with the pair chosen."""
    inputs = panel.evaluate.tab.inputs
    hands.choose_node(inputs.prediction_selector, pair[0])
    hands.choose_node(inputs.reference_selector, pair[1])
    return panel.evaluate


@pytest.fixture
def evaluated(chosen, hands, wait_until):
    """The panel with the result."""
    hands.click(chosen.tab.start_button)
    assert chosen.tab.start_button.text == "Cancel"
    wait_until(lambda: chosen.tab.start_button.text == "Evaluate", 60, "the comparison has ended")
    assert chosen.results.result is not None, chosen.outcome
    return chosen


def column(table, name: str) -> list:
    return [table.GetTable().GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]


def test_the_panel_says_what_is_measured_and_what_not(chosen) -> None:
    assert chosen.tab.inputs.matching_label.text == "Matched by name: 2. Only in the segmentation: Spleen."
    assert chosen.tab.start_button.enabled


def test_the_table_has_a_row_for_each_segment_with_units(evaluated) -> None:
    table = evaluated.parameters.evaluateTable
    assert column(table, "Structure") == ["Liver", "kidney"]
    assert column(table, "Status") == ["ok", "ok"]
    voxel_ml = 0.5 * 1.0 * 2.0 / 1000
    assert column(table, "Segmentation [ml]") == pytest.approx([1000 * voxel_ml, 192 * voxel_ml])
    assert column(table, "Reference [ml]") == pytest.approx([800 * voxel_ml, 192 * voxel_ml])
    assert column(table, "Dice") == pytest.approx([2 * 800 / 1800, 1.0])
    assert column(table, "HD [mm]") == pytest.approx([4.0, 0.0])
    assert table.GetColumnUnitLabel("HD95 [mm]") == "mm"
    assert table.GetColumnUnitLabel("Difference [ml]") == "ml"
    assert table.GetTable().GetColumnByName("Dice").IsNumeric()


def test_a_click_on_a_row_leads_to_the_largest_error(evaluated, views, pair, volume) -> None:
    evaluated.tab.results.table.selectRow(0)
    text = evaluated.tab.results.place_label.text
    assert text.startswith("Liver: 4.00 mm apart at R ")
    index = np.linalg.solve(slicer.util.arrayFromVTKMatrix(ijk_to_ras(volume)), [*crosshair(), 1.0])[:3]
    i, j, k = index
    assert k == pytest.approx(13.5)  # the far face of the grown liver
    assert 4.49 <= j <= 14.51
    assert 5.49 <= i <= 15.51
    for name in ("Red", "Green", "Yellow"):
        slice_node = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
        to_ras = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())
        assert to_ras[:3, 2] @ (to_ras[:3, 3] - crosshair()) == pytest.approx(0.0, abs=1e-6)


def test_a_second_click_on_the_same_row_leads_there_again(evaluated, hands, views) -> None:
    table = evaluated.tab.results.table
    for _click in range(2):
        slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCrosshairRAS(0.0, 0.0, 0.0)
        hands.click_cell(table, 0, 0)
        assert np.abs(crosshair()).max() > 1


def test_the_place_follows_the_transform_of_the_nodes(evaluated, pair, views) -> None:
    evaluated.tab.results.table.selectRow(0)
    before = np.array(crosshair())
    matrix = np.eye(4)
    matrix[:3, 3] = (5.0, -3.0, 2.0)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    pair[1].SetAndObserveTransformNodeID(transform.GetID())
    evaluated.results.go_to(0)
    np.testing.assert_allclose(np.array(crosshair()) - before, (5.0, -3.0, 2.0), atol=1e-9)


def test_bars_and_volumes_are_shown_in_the_plot_view(evaluated, hands, views) -> None:
    hands.choose(evaluated.tab.results.chart_combo, "Dice by structure")
    hands.click(evaluated.tab.results.chart_button)
    chart = shown_chart()
    (series,) = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert series.GetPlotType() == slicer.vtkMRMLPlotSeriesNode.PlotTypeBar
    assert (series.GetLabelColumnName(), series.GetYColumnName()) == ("Structure", "Dice")
    assert series.GetTableNode() is evaluated.parameters.evaluateTable
    hands.choose(evaluated.tab.results.chart_combo, "Volumes (Bland–Altman)")
    hands.click(evaluated.tab.results.chart_button)
    names = [shown_chart().GetNthPlotSeriesNode(index).GetName() for index in range(2)]
    assert names == ["Liver", "kidney"]
    points = shown_chart().GetNthPlotSeriesNode(0)
    assert column(points.GetTableNode(), points.GetXColumnName()) == pytest.approx([0.9])
    assert column(points.GetTableNode(), points.GetYColumnName()) == pytest.approx([0.2])


def test_the_table_is_shown_in_the_table_view(evaluated, hands, views) -> None:
    hands.click(evaluated.tab.results.table_button)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveTableID() == evaluated.parameters.evaluateTable.GetID()
    assert views.GetViewArrangement() == slicer.modules.tables.logic().GetLayoutWithTable(views.SlicerLayoutFourUpView)


def test_a_second_comparison_fills_the_same_nodes(evaluated, hands, wait_until) -> None:
    kinds = ("vtkMRMLTableNode", "vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode")
    evaluated.results.chart()
    before = {kind: slicer.mrmlScene.GetNumberOfNodesByClass(kind) for kind in kinds}
    hands.click(evaluated.tab.start_button)
    wait_until(lambda: evaluated.tab.start_button.text == "Evaluate", 60)
    evaluated.results.chart()
    assert {kind: slicer.mrmlScene.GetNumberOfNodesByClass(kind) for kind in kinds} == before


def test_lacking_structures_count_as_missed_when_asked(chosen, pair, hands, wait_until, views, add_segmentation) -> None:
    reference = add_segmentation("expert 2", {"Liver": LIVER, "kidney": KIDNEY, "Tumour": box((15, 18), (2, 5), (2, 5))})
    hands.choose_node(chosen.tab.inputs.reference_selector, reference)
    assert "Only in the reference: Tumour." in chosen.tab.inputs.matching_label.text
    hands.click(chosen.tab.inputs.count_missed_check)
    assert "Counted as missed: Tumour." in chosen.tab.inputs.matching_label.text
    hands.click(chosen.tab.start_button)
    wait_until(lambda: chosen.tab.start_button.text == "Evaluate", 60)
    table = chosen.parameters.evaluateTable
    assert column(table, "Status")[2] == "missed"
    assert column(table, "Dice")[2] == 0.0
    assert column(table, "HD [mm]")[2] == np.inf
    assert "Missed (Dice 0, distances infinite): Tumour." in chosen.tab.status.sentence_label.text
    chosen.tab.results.table.selectRow(2)
    assert chosen.tab.results.place_label.text.startswith("Tumour was missed; its centre is at R ")


def test_overlapping_segments_are_measured_apart(chosen, add_segmentation, hands, wait_until) -> None:
    inside = box((6, 8), (7, 10), (8, 11))
    both = {"Liver": LIVER, "Tumour": inside}
    hands.choose_node(chosen.tab.inputs.prediction_selector, add_segmentation("with tumour", both))
    hands.choose_node(chosen.tab.inputs.reference_selector, add_segmentation("truth", both))
    hands.click(chosen.tab.start_button)
    wait_until(lambda: chosen.tab.start_button.text == "Evaluate", 60)
    table = chosen.parameters.evaluateTable
    assert column(table, "Structure") == ["Liver", "Tumour"]
    assert column(table, "Dice") == [1.0, 1.0]
    assert column(table, "Reference [ml]") == pytest.approx([0.8, 0.018])


def crosshair() -> tuple:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").GetCrosshairRAS()


def ijk_to_ras(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def shown_chart():
    identifier = slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID()
    return slicer.mrmlScene.GetNodeByID(identifier)
