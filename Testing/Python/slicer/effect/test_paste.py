"""A result in the editor's segments: what changes, what stays, and one step back."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

import slicer
from kdseg.errors import OutputError
from KDSegmentatorLib.effect.editable import Masking
from KDSegmentatorLib.effect.grid import image_of, labelmap_name, surface_name, voxels_of
from KDSegmentatorLib.effect.paste import Part, Result, commit, prepare
from KDSegmentatorLib.effect.region import box_of
from KDSegmentatorLib.mrml.geometry import vtk_matrix

MATRIX = np.array([[0.9, -0.3, 0.1, -20.0], [0.25, 1.1, 0.2, 15.0], [-0.05, -0.15, 1.9, 5.0], [0.0, 0.0, 0.0, 1.0]])
MODES, OVERWRITE = slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLSegmentEditorNode
FREE = Masking(MODES.EditAllowedEverywhere)


def new_segment(name):
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(0.9, 0.8, 0.7)
    return segment


def new(value, name):
    return Part(value, name, None, new_segment(name))


@pytest.fixture
def labels(cells):
    """Values 4, 9 and 300 of which two touch."""
    array = np.zeros(cells().shape, dtype=np.uint16)
    array[cells(slice(2, 5), slice(2, 6), slice(3, 9))] = 4
    array[cells(slice(5, 7), slice(2, 6), slice(3, 9))] = 9
    array[cells(slice(7, 8), slice(8, 10))] = 300
    return array


def run(editor, labels, parts, masking=FREE, overwrite=OVERWRITE.OverwriteNone):
    result = Result(image_of(labels, editor.grid), tuple(parts), "tiny 1.0.0")
    change = prepare(editor.segmentation, editor.volume, result, masking, overwrite)
    return change, commit(editor.segmentation, change)


def layers(editor):
    return editor.segmentation.GetSegmentation().GetNumberOfLayers(labelmap_name())


def test_new_segments_share_one_layer(editor, labels) -> None:
    _change, written = run(editor, labels, [new(4, "liver"), new(9, "spleen"), new(300, "stone")])
    assert editor.names() == ["liver", "spleen", "stone"]
    assert layers(editor) == 1
    for name, value in zip(written, (4, 9, 300)):
        assert np.array_equal(editor.voxels(name), labels == value)


def test_the_layer_is_no_larger_than_its_content(editor, labels) -> None:
    (name,) = run(editor, labels, [new(4, "liver")])[1]
    image = editor.segmentation.GetSegmentation().GetSegment(name).GetRepresentation(labelmap_name())
    assert image.GetExtent() == (3, 8, 2, 5, 2, 4)


def test_a_structure_without_voxels_makes_no_segment_and_is_named(editor, labels) -> None:
    change, _written = run(editor, labels, [new(4, "liver"), Part(7, "gall bladder")])
    assert editor.names() == ["liver"]
    assert change.not_found == ("gall bladder",)


def test_segments_of_that_name_are_replaced_and_keep_name_colour_and_place(editor, labels, cells) -> None:
    editor.add_layer(before=cells(slice(0, 1)), liver=cells(slice(3, 8), slice(0, 4)), after=cells(slice(1, 2)))
    change, written = run(editor, labels, [Part(4, "liver", "liver")])
    assert written == ("liver",)
    assert editor.names() == ["before", "liver", "after"]
    assert np.array_equal(editor.voxels("liver"), labels == 4)
    assert np.array_equal(editor.voxels("before"), cells(slice(0, 1)))
    assert np.array_equal(editor.voxels("after"), cells(slice(1, 2)))
    segment = editor.segmentation.GetSegmentation().GetSegment("liver")
    assert segment.GetColor() == (0.1, 0.2, 0.4)
    assert change.mixed == ()


def test_a_replaced_structure_that_was_not_found_loses_its_old_voxels(editor, labels, cells) -> None:
    editor.add_layer(gall=cells(slice(3, 8)), other=cells(slice(0, 1)))
    change, _written = run(editor, labels, [Part(7, "gall", "gall")])
    assert change.not_found == ("gall",)
    assert not editor.voxels("gall").any()
    assert np.array_equal(editor.voxels("other"), cells(slice(0, 1)))


def test_outside_the_editable_area_a_segment_keeps_its_voxels(editor, labels, cells) -> None:
    old, window = cells(slice(3, 8), slice(0, 4)), cells(slice(0, 4))
    editor.add_layer(liver=old, window=window & ~old)
    editor.add_layer(mask=window)
    change, _written = run(editor, labels, [Part(4, "liver", "liver")], Masking(MODES.EditAllowedInsideSingleSegment, "mask"))
    assert np.array_equal(editor.voxels("liver"), (old & ~window) | ((labels == 4) & window))
    assert np.array_equal(editor.voxels("window"), window & ~old)
    assert np.array_equal(editor.voxels("mask"), window)
    assert change.mixed == ("liver",)


def test_overlapping_remains_of_two_segments_both_stay(editor, labels, cells) -> None:
    one, two, area = cells(slice(6, 8), slice(0, 7)), cells(slice(6, 8), slice(5, 10)), cells(slice(0, 6))
    editor.add_layer(one=one)
    editor.add_layer(two=two)
    editor.add_layer(area=area)
    masking = Masking(MODES.EditAllowedInsideSingleSegment, "area")
    run(editor, labels, [Part(4, "one", "one"), Part(9, "two", "two")], masking)
    assert np.array_equal(editor.voxels("one"), one | ((labels == 4) & area))
    assert np.array_equal(editor.voxels("two"), two | ((labels == 9) & area))


@pytest.mark.parametrize(
    ("mode", "shown_gives_way", "hidden_gives_way"),
    [
        (OVERWRITE.OverwriteNone, False, False),
        (OVERWRITE.OverwriteVisibleSegments, True, False),
        (OVERWRITE.OverwriteAllSegments, True, True),
    ],
)
def test_other_segments_give_way_as_the_editor_says(editor, labels, cells, mode, shown_gives_way, hidden_gives_way) -> None:
    everything = cells(slice(0, 8))
    editor.add_layer(shown=everything & cells(slice(0, 5)), hidden=cells(slice(5, 8)))
    editor.segmentation.GetDisplayNode().SetSegmentVisibility("hidden", False)
    run(editor, labels, [new(4, "liver"), new(9, "spleen")], overwrite=mode)
    result = (labels == 4) | (labels == 9)
    for name, before, gives_way in (
        ("shown", cells(slice(0, 5)), shown_gives_way),
        ("hidden", cells(slice(5, 8)), hidden_gives_way),
    ):
        assert np.array_equal(editor.voxels(name), before & ~result if gives_way else before)


def test_with_a_mask_other_segments_give_way_only_inside_it(editor, labels, cells, intensities) -> None:
    editor.add_layer(other=cells(slice(0, 8)))
    masking = Masking(MODES.EditAllowedEverywhere, intensities=(0.0, 400.0))
    run(editor, labels, [new(4, "liver")], masking, OVERWRITE.OverwriteAllSegments)
    gone = (labels == 4) & (intensities <= 400)
    assert np.array_equal(editor.voxels(editor.id_of("liver")), gone)
    assert np.array_equal(editor.voxels("other"), ~gone)


def test_nothing_is_touched_before_the_commit(editor, labels, cells) -> None:
    editor.add_layer(liver=cells(slice(3, 8)), other=cells(slice(0, 3)))
    result = Result(image_of(labels, editor.grid), (Part(4, "liver", "liver"), new(9, "spleen")), "tiny 1.0.0")
    prepare(editor.segmentation, editor.volume, result, FREE, OVERWRITE.OverwriteAllSegments)
    assert editor.names() == ["liver", "other"]
    assert np.array_equal(editor.voxels("liver"), cells(slice(3, 8)))
    assert np.array_equal(editor.voxels("other"), cells(slice(0, 3)))


def test_one_undo_brings_everything_back(editor, labels, cells) -> None:
    editor.add_layer(liver=cells(slice(3, 8)), other=cells(slice(0, 3)))
    result = Result(image_of(labels, editor.grid), (Part(4, "liver", "liver"), new(9, "spleen")), "tiny 1.0.0")
    change = prepare(editor.segmentation, editor.volume, result, FREE, OVERWRITE.OverwriteAllSegments)
    assert editor.logic.SaveStateForUndo()
    commit(editor.segmentation, change)
    assert editor.names() == ["liver", "other", "spleen"]
    editor.logic.Undo()
    assert editor.names() == ["liver", "other"]
    assert np.array_equal(editor.voxels("liver"), cells(slice(3, 8)))
    assert np.array_equal(editor.voxels("other"), cells(slice(0, 3)))
    editor.logic.Redo()
    assert np.array_equal(editor.voxels("liver"), labels == 4)


def test_surfaces_are_made_anew(editor, labels, cells) -> None:
    editor.add_layer(other=cells(slice(0, 1)), liver=cells(slice(6, 8)))
    editor.segmentation.CreateClosedSurfaceRepresentation()
    run(editor, labels, [Part(4, "liver", "liver"), new(9, "spleen")])
    segmentation = editor.segmentation.GetSegmentation()
    for name, voxels in (("liver", labels == 4), (editor.id_of("spleen"), labels == 9)):
        surface = segmentation.GetSegment(name).GetRepresentation(surface_name())
        bounds = np.array(surface.GetBounds()).reshape(3, 2)
        indices = np.argwhere(voxels)[:, ::-1]
        centres = indices @ MATRIX[:3, :3].T + MATRIX[:3, 3]
        assert np.allclose(bounds.mean(axis=1), (centres.min(axis=0) + centres.max(axis=0)) / 2, atol=0.7)
        assert (bounds[:, 1] - bounds[:, 0] < np.ptp(centres, axis=0) + 2.0).all()
    assert segmentation.GetSegment("other").GetRepresentation(surface_name()) is not None


def test_a_segmentation_under_another_transform_gets_the_result_where_the_volume_shows_it(editor, labels) -> None:
    """The segmentation lies one voxel further along i than the volume."""
    matrix = np.eye(4)
    matrix[:3, 3] = [0.9, 0.25, -0.05]
    transform = editor.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(matrix))
    editor.segmentation.SetAndObserveTransformNodeID(transform.GetID())
    (name,) = run(editor, labels, [new(4, "liver")])[1]
    image = editor.segmentation.GetSegmentation().GetSegment(name).GetRepresentation(labelmap_name())
    assert image.GetExtent() == (2, 7, 2, 5, 2, 4)
    assert voxels_of(image).all()


def test_voxels_of_segments_beyond_the_volume_are_not_lost(editor, labels) -> None:
    beyond = slicer.vtkOrientedImageData()
    beyond.SetExtent(-4, 20, 0, 2, 0, 2)
    beyond.SetImageToWorldMatrix(vtk_matrix(MATRIX))
    beyond.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    beyond.GetPointData().GetScalars().Fill(1)
    segment = new_segment("liver")
    segment.AddRepresentation(labelmap_name(), beyond)
    editor.segmentation.GetSegmentation().AddSegment(segment, "liver")
    roi = editor.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetSize(3.0, 3.0, 3.0)
    roi.SetCenter(*(MATRIX @ (6, 4, 3, 1))[:3])
    run(editor, labels, [Part(4, "liver", "liver")], Masking(MODES.EditAllowedEverywhere, box=box_of(roi)))
    image = slicer.vtkOrientedImageData()
    editor.segmentation.GetBinaryLabelmapRepresentation("liver", image)
    assert image.GetExtent() == (-4, 20, 0, 5, 0, 3)
    assert (voxels_of(image)[:3, :3] == 1).all()


def test_the_algorithm_is_named_for_dicom(editor, labels, cells) -> None:
    editor.add_layer(whole=cells(slice(2, 3)), part=cells(slice(7, 8)))
    editor.add_layer(area=cells(slice(0, 7)))
    masking = Masking(MODES.EditAllowedInsideSingleSegment, "area")
    run(editor, labels, [Part(4, "whole", "whole"), Part(9, "part", "part")], masking)
    tags = {}
    for name in ("whole", "part"):
        value = vtk.reference("")
        editor.segmentation.GetSegmentation().GetSegment(name).GetTag("DICOM.SegmentAlgorithmType", value)
        tags[name] = str(value)
    assert tags == {"whole": "AUTOMATIC", "part": "SEMIAUTOMATIC"}


def test_a_segment_that_is_gone_is_an_error(editor, labels, cells) -> None:
    editor.add_layer(other=cells(slice(0, 1)))
    with pytest.raises(OutputError, match="not there any more"):
        run(editor, labels, [Part(4, "liver", "liver")])
    assert np.array_equal(editor.voxels("other"), cells(slice(0, 1)))


def test_segments_made_of_surfaces_are_refused(editor, labels, cells) -> None:
    editor.add_layer(other=cells(slice(0, 2)))
    editor.segmentation.CreateClosedSurfaceRepresentation()
    editor.segmentation.SetSourceRepresentationToClosedSurface()
    with pytest.raises(OutputError, match="cannot be edited as voxels"):
        run(editor, labels, [new(4, "liver")])
