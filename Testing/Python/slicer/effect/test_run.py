"""The whole way: from the editor, through a child process with a real student, into the editor's segments."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import vtk

import slicer
from kdseg.errors import ChannelError, InputError, OutputError
from kdseg_testing.threshold_student import STRUCTURE
from KDSegmentatorLib.effect.request import request_from_editor
from KDSegmentatorLib.effect.run import EffectRun
from KDSegmentatorLib.mrml.volumes import voxels_of
from KDSegmentatorLib.runs.run import Callbacks
from KDSegmentatorLib.runs.settings import make_settings

MODES = slicer.vtkMRMLSegmentationNode


@pytest.fixture
def start(crop_editor, library, wait_until):
    """Return a function that starts a run; it can wait, and counts how often the editor's state was saved."""

    def start_(*, structure=None, roi=None, student="threshold"):
        told = SimpleNamespace(saved=0, finished=0, progress=[])

        def save() -> None:
            told.saved += 1
            crop_editor.logic.SaveStateForUndo()

        def finished(run) -> None:
            told.finished += 1

        request = request_from_editor(crop_editor.node, library.find(student), structure, roi)
        settings = make_settings(library, request.student, threads=1, structures=None if structure is None else [structure])
        told.run = EffectRun(request, settings, Callbacks(told.progress.append, None, finished), save)
        told.run.start()
        told.wait = lambda: wait_until(lambda: told.run.state != "running", 60, "the run has ended")
        return told

    return start_


@pytest.fixture
def truth(crop_editor):
    return voxels_of(crop_editor.volume) > 0


def add_roi(editor, centre_ijk, size_mm):
    matrix = vtk.vtkMatrix4x4()
    editor.volume.GetIJKToRASMatrix(matrix)
    roi = editor.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetSize(*size_mm)
    roi.SetCenter(*matrix.MultiplyPoint((*centre_ijk, 1.0))[:3])
    return roi


def test_all_structures_become_segments_with_one_saved_state(crop_editor, start, truth) -> None:
    told = start()
    assert told.run.state == "running"
    assert crop_editor.names() == []
    told.wait()
    assert told.run.error is None
    assert crop_editor.names() == [STRUCTURE]
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), truth)
    assert (told.saved, told.finished) == (1, 1)
    assert told.progress[-1].overall == pytest.approx(1.0, abs=0.05)
    crop_editor.logic.Undo()
    assert crop_editor.names() == []


def test_terminology_and_colour_come_from_the_student(crop_editor, start) -> None:
    start().wait()
    segment = crop_editor.segmentation.GetSegmentation().GetSegment(crop_editor.id_of(STRUCTURE))
    assert segment.GetColor() == pytest.approx((241 / 255, 214 / 255, 145 / 255))
    assert "85756007" in segment.GetTerminology()


def test_a_second_run_replaces_the_segment_of_that_name(crop_editor, start, truth) -> None:
    start().wait()
    first = crop_editor.id_of(STRUCTURE)
    voxels_of(crop_editor.volume)[truth] *= -1
    crop_editor.volume.GetImageData().Modified()
    start().wait()
    assert crop_editor.names() == [STRUCTURE]
    assert crop_editor.id_of(STRUCTURE) == first
    assert not crop_editor.voxels(first).any()


def test_one_structure_goes_into_the_selected_segment(crop_editor, start, truth, cells) -> None:
    shape = truth.shape
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=shape), other=cells(slice(12, 14), shape=shape))
    crop_editor.node.SetSelectedSegmentID("mine")
    crop_editor.node.SetOverwriteMode(crop_editor.node.OverwriteNone)
    start(structure=1).wait()
    assert crop_editor.names() == ["mine", "other"]
    assert np.array_equal(crop_editor.voxels("mine"), truth)
    assert np.array_equal(crop_editor.voxels("other"), cells(slice(12, 14), shape=shape))


def test_the_masking_of_the_editor_holds(crop_editor, start, truth, cells) -> None:
    area = cells(slice(2, 9), shape=truth.shape)
    crop_editor.add_layer(area=area)
    crop_editor.node.SetMaskMode(MODES.EditAllowedInsideSingleSegment)
    crop_editor.node.SetMaskSegmentID("area")
    crop_editor.node.SetSourceVolumeIntensityMask(True)
    crop_editor.node.SetSourceVolumeIntensityMaskRange(5, 25)
    crop_editor.node.SetOverwriteMode(crop_editor.node.OverwriteNone)
    voxels = voxels_of(crop_editor.volume).copy()
    start().wait()
    expected = truth & area & (voxels >= 5) & (voxels <= 25)
    assert np.array_equal(crop_editor.voxels(crop_editor.id_of(STRUCTURE)), expected)
    assert np.array_equal(crop_editor.voxels("area"), area)


def test_inside_a_region_of_interest_only_that_part_is_computed(crop_editor, start, truth, cells, monkeypatch) -> None:
    from KDSegmentatorLib.runs import sources

    exported = []
    original = sources.export_volumes
    monkeypatch.setattr(sources, "export_volumes", lambda nodes, folder: exported.extend(nodes) or original(nodes, folder))
    # Along the volume's axes, which the turn maps to the world's y, -x and z: 8 x 6 x 10 voxels around (8, 8, 7).
    roi = add_roi(crop_editor, (8, 8, 7), (6.0, 8.0, 10.0))
    told = start(roi=roi)
    told.wait()
    assert told.run.error is None
    extent = told.run.request.extent
    size = [extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3)]
    assert exported[0].GetImageData().GetDimensions() == tuple(size)
    assert np.prod(size) < truth.size
    found = crop_editor.voxels(crop_editor.id_of(STRUCTURE))
    assert found.any()
    assert not (found & ~truth).any()
    outside = np.ones(truth.shape, dtype=bool)
    outside[extent[4] : extent[5] + 1, extent[2] : extent[3] + 1, extent[0] : extent[1] + 1] = False
    assert not found[outside].any()
    middle = (slice(5, 10), slice(7, 10), slice(7, 10))
    assert np.array_equal(found[middle], truth[middle])


def test_cancel_changes_nothing(crop_editor, start, cells, truth) -> None:
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=truth.shape))
    told = start()
    told.run.cancel()
    told.wait()
    assert told.run.state == "stopped"
    assert crop_editor.names() == ["mine"]
    assert (told.saved, told.finished) == (0, 1)


def remove_segmentation(editor):
    editor.scene.RemoveNode(editor.segmentation)


def remove_volume(editor):
    editor.scene.RemoveNode(editor.volume)


def remove_segment(editor):
    editor.segmentation.GetSegmentation().RemoveSegment("mine")


def remove_mask_segment(editor):
    editor.segmentation.GetSegmentation().RemoveSegment("area")


def move_volume(editor):
    editor.volume.SetOrigin(1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("disturb", "message"),
    [
        (remove_segmentation, "The segmentation was removed"),
        (remove_volume, "The volume was removed"),
        (remove_segment, "The segment that takes the result is not there"),
        (remove_mask_segment, "The segment that limits the editable area is not there"),
        (move_volume, "The source volume was changed"),
    ],
)
def test_what_disappears_meanwhile_is_told_and_nothing_changes(crop_editor, start, cells, truth, disturb, message) -> None:
    shape = truth.shape
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=shape), area=cells(slice(2, 4), shape=shape))
    crop_editor.add_layer(other=cells(slice(12, 14), shape=shape))
    crop_editor.node.SetSelectedSegmentID("mine")
    crop_editor.node.SetMaskMode(MODES.EditAllowedInsideSingleSegment)
    crop_editor.node.SetMaskSegmentID("area")
    told = start(structure=1)
    disturb(crop_editor)
    before = {name: crop_editor.voxels(crop_editor.id_of(name)) for name in crop_editor.names()}
    told.wait()
    assert told.run.state == "failed"
    assert message in told.run.error.problem
    assert told.run.error.remedy
    assert told.saved == 0
    assert crop_editor.names() == list(before)
    for name, voxels in before.items():
        assert np.array_equal(crop_editor.voxels(crop_editor.id_of(name)), voxels)


def test_what_is_missing_is_told_before_the_run(crop_editor, library) -> None:
    node, student = crop_editor.node, library.find("threshold")
    with pytest.raises(InputError, match="No segment is selected"):
        request_from_editor(node, student, structure=1)
    with pytest.raises(InputError, match="No student is chosen"):
        request_from_editor(node, None)
    with pytest.raises(ChannelError, match=r"several volumes.*Python console \(docs/console.md\)"):
        request_from_editor(node, library.find("two-channels"))
    node.SetAndObserveSourceVolumeNode(None)
    with pytest.raises(InputError, match="No source volume"):
        request_from_editor(node, student)
    node.SetAndObserveSegmentationNode(None)
    with pytest.raises(InputError, match="No segmentation"):
        request_from_editor(node, student)


def test_a_selected_segment_that_is_gone_is_told_before_the_run(crop_editor, library, cells, truth) -> None:
    crop_editor.add_layer(mine=cells(slice(0, 2), shape=truth.shape))
    crop_editor.node.SetSelectedSegmentID("mine")
    crop_editor.segmentation.GetSegmentation().RemoveSegment("mine")
    crop_editor.node.SetSelectedSegmentID("mine")
    with pytest.raises(OutputError, match="not there any more"):
        request_from_editor(crop_editor.node, library.find("threshold"), structure=1)
