"""Where voxels may change; the oracle is the mask that Slicer's own Segment Editor makes."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

import slicer
from kdseg.errors import OutputError
from KDSegmentatorLib.effect.editable import Masking, editable_voxels
from KDSegmentatorLib.effect.grid import editor_grid, voxels_of
from KDSegmentatorLib.effect.region import box_of
from KDSegmentatorLib.mrml.geometry import vtk_matrix

MODES = slicer.vtkMRMLSegmentationNode
EVERY_MODE = [
    MODES.EditAllowedEverywhere,
    MODES.EditAllowedInsideAllSegments,
    MODES.EditAllowedInsideVisibleSegments,
    MODES.EditAllowedOutsideAllSegments,
    MODES.EditAllowedOutsideVisibleSegments,
    MODES.EditAllowedInsideSingleSegment,
]


@pytest.fixture
def filled(editor, cells):
    """Two segments in one layer, two in layers of their own that overlap them; one segment is hidden."""
    editor.add_layer(a=cells(slice(1, 3)), b=cells(slice(4, 6), slice(2, 8)))
    editor.add_layer(c=cells(slice(0, 5), slice(0, 5), slice(0, 4)))
    editor.add_layer(d=cells(slice(7, 8)))
    editor.segmentation.GetDisplayNode().SetSegmentVisibility("b", False)
    return editor


def allowed(editor, masking, edited=()):
    grid = editor_grid(editor.segmentation, editor.volume)
    return editable_voxels(editor.segmentation, editor.volume, grid, masking, edited)


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("selected", ["a", "c"])
def test_the_area_is_the_one_of_the_segment_editor(filled, mode, selected) -> None:
    filled.node.SetMaskMode(mode)
    filled.node.SetMaskSegmentID("b")
    filled.node.SetSelectedSegmentID(selected)
    assert filled.logic.UpdateMaskLabelmap()
    forbidden = voxels_of(filled.logic.GetMaskLabelmap()) > 0
    found = allowed(filled, Masking(mode, "b"), [selected])
    assert np.array_equal(found, ~forbidden)
    if mode != MODES.EditAllowedEverywhere:
        assert 0 < found.sum() < found.size


def test_segments_that_are_written_together_do_not_shut_each_other_out(filled) -> None:
    found = allowed(filled, Masking(MODES.EditAllowedOutsideAllSegments), ["a", "b", "c"])
    assert np.array_equal(found, ~filled.voxels("d"))


def test_the_range_of_intensities_includes_both_ends(editor, intensities) -> None:
    found = allowed(editor, Masking(MODES.EditAllowedEverywhere, intensities=(100.0, 300.0)))
    assert np.array_equal(found, (intensities >= 100) & (intensities <= 300))


def test_intensities_are_read_where_the_segmentation_lies(editor, intensities) -> None:
    """The volume is moved by one voxel along i against the segmentation."""
    shift = vtk.vtkMatrix4x4()
    step = np.array([[0.9, -0.3, 0.1], [0.25, 1.1, 0.2], [-0.05, -0.15, 1.9]])[:, 0]
    matrix = np.eye(4)
    matrix[:3, 3] = step
    shift.DeepCopy(vtk_matrix(matrix))
    transform = editor.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(shift)
    editor.volume.SetAndObserveTransformNodeID(transform.GetID())
    found = allowed(editor, Masking(MODES.EditAllowedEverywhere, intensities=(500.0, 700.0)))
    moved = intensities[:, :, :-1]
    assert np.array_equal(found[:, :, 1:], (moved >= 500) & (moved <= 700))


def test_every_limit_holds_at_once(filled, intensities, cells) -> None:
    roi = filled.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetSize(8.0, 8.0, 8.0)
    roi.SetCenter(*(np.array([[0.9, -0.3, 0.1], [0.25, 1.1, 0.2], [-0.05, -0.15, 1.9]]) @ (6, 5, 2) + (-20, 15, 5)))
    box = box_of(roi)
    everywhere = MODES.EditAllowedEverywhere
    one = allowed(filled, Masking(MODES.EditAllowedInsideSingleSegment, "c"))
    two = allowed(filled, Masking(everywhere, intensities=(200.0, 800.0)))
    three = allowed(filled, Masking(everywhere, box=box))
    both = allowed(filled, Masking(MODES.EditAllowedInsideSingleSegment, "c", (200.0, 800.0), box))
    assert both.any()
    assert np.array_equal(both, one & two & three)
    assert not three.all()


def test_a_segment_that_limited_the_area_and_is_gone_is_an_error(filled) -> None:
    filled.segmentation.GetSegmentation().RemoveSegment("b")
    with pytest.raises(OutputError, match="not there any more"):
        allowed(filled, Masking(MODES.EditAllowedInsideSingleSegment, "b"))
