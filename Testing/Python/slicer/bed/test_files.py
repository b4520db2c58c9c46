"""Saving and loading through Slicer's own functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import slicer


@pytest.fixture
def volume():
    return slicer.util.addVolumeFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4), name="kept")


def test_a_scene_in_one_file(volume, tmp_path: Path) -> None:
    expected = slicer.util.arrayFromVolume(volume).copy()
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(path))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(slicer.util.getNode("kept")), expected)


def test_a_scene_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "scene.mrml").write_text("<nothing", encoding="ascii")
    with pytest.raises(RuntimeError, match=r"scene\.mrml"):
        slicer.util.loadScene(str(tmp_path / "scene.mrml"))


def test_a_volume(volume, tmp_path: Path) -> None:
    path = tmp_path / "kept.nrrd"
    assert slicer.util.saveNode(volume, str(path))
    loaded = slicer.util.loadVolume(str(path))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))


def test_a_segmentation(volume, scene, tmp_path: Path) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().AddEmptySegment("one", "one")
    voxels = slicer.util.arrayFromVolume(volume) > 7
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels.astype(np.uint8), node, "one", volume)
    assert slicer.util.saveNode(node, str(tmp_path / "kept.seg.nrrd"))
    loaded = slicer.util.loadSegmentation(str(tmp_path / "kept.seg.nrrd"))
    np.testing.assert_array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(loaded, "one", volume) > 0, voxels)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        slicer.util.loadVolume(str(tmp_path / "missing.nrrd"))
