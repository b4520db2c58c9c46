"""What can be compared with what: grids, transforms, label maps, refusals with words, and stopping."""

from __future__ import annotations

import numpy as np
import pytest
import slicer.util

import slicer
from kdseg.errors import GeometryError, InputError
from KDSegmentatorLib.effect.grid import onto
from KDSegmentatorTrainingLib.evaluate.grids import common_grid, lps_geometry
from KDSegmentatorTrainingLib.evaluate.sources import layers, segments_of

from .conftest import SPACING_MM, box

BOX = box((4, 12), (5, 15), (6, 16))


@pytest.fixture
def coarse(bed):
    """A volume with an upright grid of 2 mm around the same place."""
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = (-24.0, 0.0, 28.0)
    return slicer.util.addVolumeFromArray(np.zeros((22, 22, 22), np.int16), slicer.util.vtkMatrixFromArray(matrix), "coarse")


@pytest.fixture
def choose(panel, hands):
    """Return a function that chooses two nodes in the panel."""

    def run(prediction, reference):
        inputs = panel.evaluate.tab.inputs
        hands.choose_node(inputs.prediction_selector, prediction)
        hands.choose_node(inputs.reference_selector, reference)
        return panel.evaluate

    return run


@pytest.fixture
def evaluate(hands, wait_until):
    """Return a function that presses the button and waits until the comparison has ended."""

    def run(control) -> None:
        hands.click(control.tab.start_button)
        wait_until(lambda: control.tab.start_button.text == "Evaluate", 90, "the comparison has ended")

    return run


def cropped(volume, k: slice, j: slice, i: slice, name: str):
    """Return a volume that is a part of another, with an origin of its own."""
    voxels = slicer.util.arrayFromVolume(volume)[k, j, i].copy()
    node = slicer.util.addVolumeFromArray(voxels, name=name)
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    origin = matrix.MultiplyPoint((i.start, j.start, k.start, 1.0))
    for axis in range(3):
        matrix.SetElement(axis, 3, origin[axis])
    node.SetIJKToRASMatrix(matrix)
    return node


def table_of(control, name: str) -> list:
    table = control.parameters.evaluateTable
    return [table.GetTable().GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]


def test_parts_of_one_lattice_are_compared_on_what_holds_both(volume, add_segmentation) -> None:
    part = cropped(volume, slice(2, 14), slice(3, 20), slice(4, 22), "part")
    shifted = tuple(slice(s.start - o, s.stop - o) for s, o in zip(BOX, (2, 3, 4)))
    whole, small = add_segmentation("whole", {"Liver": BOX}), add_segmentation("small", {"Liver": shifted}, grid=part)
    for prediction, reference in ((whole, small), (small, whole)):
        common = common_grid(prediction, reference, resample=False)
        assert common.transform is None
        assert common.note == ""
        masks = [onto(common.grid, layers(node)[0].image) > 0 for node in (prediction, reference)]
        assert masks[0].shape == slicer.util.arrayFromVolume(volume).shape
        assert masks[0].sum() == 800
        np.testing.assert_array_equal(*masks)


def test_the_grid_is_that_of_the_volume_in_lps(volume, add_segmentation) -> None:
    node = add_segmentation("whole", {"Liver": BOX})
    steps, first = lps_geometry(common_grid(node, node, resample=False).grid)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=0), SPACING_MM)
    np.testing.assert_allclose(first, (11.0, -7.0, 30.0))
    np.testing.assert_allclose(steps[:, 0] / 0.5, (-0.8, -0.6, 0.0), atol=1e-12)


def test_another_grid_is_refused_with_what_to_do(choose, volume, coarse, add_segmentation, hands) -> None:
    control = choose(add_segmentation("fine", {"Liver": BOX}), add_segmentation("rough", {"Liver": BOX}, grid=coarse))
    assert not control.tab.start_button.enabled
    sentence = control.tab.status.sentence_label.text
    assert sentence.startswith("Segmentation and reference lie on different grids.")
    assert "Check “Resample”" in sentence
    hands.click(control.tab.inputs.resample_check)
    assert control.tab.start_button.enabled


def test_resampling_takes_the_nearest_voxels_and_is_said(choose, coarse, add_segmentation, hands, evaluate, volume) -> None:
    centre = box((8, 14), (6, 16), (4, 14))
    reference = add_segmentation("rough", {"Liver": centre}, grid=coarse)
    matrix = np.eye(4)
    matrix[:3, 3] = (-24.5, -0.5, 27.5)
    fine = slicer.util.addVolumeFromArray(np.zeros((44, 44, 44), np.int16), slicer.util.vtkMatrixFromArray(matrix), "fine grid")
    doubled = tuple(slice(2 * s.start, 2 * s.stop) for s in centre)
    prediction = add_segmentation("fine", {"Liver": doubled}, grid=fine)
    control = choose(prediction, reference)
    hands.click(control.tab.inputs.resample_check)
    evaluate(control)
    assert table_of(control, "Dice") == [1.0]
    assert "was resampled to the reference's grid by nearest neighbours" in control.tab.status.sentence_label.text


def test_two_transforms_are_refused_and_resampled_on_request(volume, add_segmentation) -> None:
    prediction, reference = add_segmentation("a", {"Liver": BOX}), add_segmentation("b", {"Liver": BOX})
    moved = np.eye(4)
    moved[:3, 3] = 0.5 * np.array([0.8, 0.6, 0.0])  # one voxel along i
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(moved))
    prediction.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(GeometryError, match="different transforms") as caught:
        common_grid(prediction, reference, resample=False)
    assert (caught.value.expected, caught.value.found) == ("no transform", "moved")
    common = common_grid(prediction, reference, resample=True)
    masks = onto(common.grid, layers(prediction)[0].image, transform=common.transform) > 0
    assert [int(np.flatnonzero(masks.any(axis=(0, 1)))[index]) for index in (0, -1)] == [7, 16]


def test_label_maps_are_compared_by_value(choose, volume, add_segmentation, evaluate) -> None:
    labels = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.int16)
    labels[BOX] = 3
    labels[0, 0, 0] = 5
    nodes = []
    for name in ("first", "second"):
        node = slicer.util.addVolumeFromArray(labels, name=name, nodeClassName="vtkMRMLLabelMapVolumeNode")
        node.CopyOrientation(volume)
        nodes.append(node)
    assert [(s.key, s.name, s.label) for s in segments_of(nodes[0])] == [("3", "3", 3), ("5", "5", 5)]
    control = choose(*nodes)
    evaluate(control)
    assert table_of(control, "Structure") == ["3", "5"]
    assert table_of(control, "Dice") == [1.0, 1.0]
    reference = add_segmentation("segments", {"Liver": BOX})
    control = choose(nodes[0], reference)
    assert control.tab.status.sentence_label.text.startswith("The two have no structure in common.")


def test_names_of_a_label_maps_own_colours_count_and_those_of_slicer_do_not(volume) -> None:
    labels = np.zeros((20, 24, 28), np.int16)
    labels[BOX] = 1
    node = slicer.util.addVolumeFromArray(labels, name="labels", nodeClassName="vtkMRMLLabelMapVolumeNode")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeLabels")
    assert [s.name for s in segments_of(node)] == ["1"]
    colors = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "mine")
    colors.SetTypeToUser()
    colors.SetNumberOfColors(2)
    colors.SetColor(1, "Liver", 1.0, 0.0, 0.0, 1.0)
    node.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    assert [s.name for s in segments_of(node)] == ["Liver"]


def test_what_cannot_be_compared_is_refused_by_name(volume) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        segments_of(volume)
    floating = slicer.util.addVolumeFromArray(np.full((3, 3, 3), -1, np.int16), nodeClassName="vtkMRMLLabelMapVolumeNode")
    with pytest.raises(InputError, match="does not hold labels"):
        segments_of(floating)


def test_the_same_node_twice_is_not_compared(choose, add_segmentation) -> None:
    node = add_segmentation("only", {"Liver": BOX})
    control = choose(node, node)
    assert not control.tab.start_button.enabled
    assert "are the same" in control.tab.status.sentence_label.text


def test_numbers_that_are_none_are_refused_where_they_are_typed(choose, add_segmentation, hands) -> None:
    control = choose(add_segmentation("a", {"Liver": BOX}), add_segmentation("b", {"Liver": BOX}))
    inputs = control.tab.inputs
    inputs.measures_box.collapsed = False
    hands.type(inputs.tolerances_edit, "two")
    assert not control.tab.start_button.enabled
    assert "tolerances in mm" not in control.tab.status.sentence_label.text
    assert "Found: two." in control.tab.status.sentence_label.text
    hands.type(inputs.tolerances_edit, "2, 3")
    assert control.tab.start_button.enabled


def test_cancel_leaves_nothing(choose, add_segmentation, hands, wait_until) -> None:
    from KDSegmentatorLib.jobs.running import jobs_are_running

    control = choose(add_segmentation("a", {"Liver": BOX}), add_segmentation("b", {"Liver": BOX}))
    tables = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    hands.click(control.tab.start_button)
    hands.click(control.tab.start_button)
    wait_until(lambda: control.tab.start_button.text == "Evaluate", 30, "the comparison was stopped")
    wait_until(lambda: not jobs_are_running(), 30)
    assert control.tab.status.sentence_label.text == "Stopped. There is no result."
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == tables


def test_a_closed_scene_stops_the_comparison(choose, add_segmentation, hands, wait_until, run_events) -> None:
    from KDSegmentatorLib.jobs.running import jobs_are_running

    control = choose(add_segmentation("a", {"Liver": BOX}), add_segmentation("b", {"Liver": BOX}))
    hands.click(control.tab.start_button)
    wait_until(jobs_are_running, 20)
    slicer.mrmlScene.Clear()
    wait_until(lambda: not jobs_are_running(), 30)
    run_events(0.05)
    assert control.tab.start_button.text == "Evaluate"
    assert control.results.result is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_result_that_cannot_be_shown_ends_the_comparison_with_a_dialog(
    choose, add_segmentation, evaluate, monkeypatch
) -> None:
    import qt

    control = choose(add_segmentation("a", {"Liver": BOX}), add_segmentation("b", {"Liver": BOX}))
    monkeypatch.setattr(control.results, "show", lambda result, order: 1 / 0)
    evaluate(control)
    (dialog,) = [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
    dialog.close()
    assert control.tab.status.sentence_label.text == "Compared, but the result cannot be shown."
    assert control.tab.start_button.enabled
