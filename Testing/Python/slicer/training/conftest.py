"""The open panel for training, the views of Slicer, and segmentations to compare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import slicer.util

import slicer

SHAPE = (20, 24, 28)
SPACING_MM = (0.5, 1.0, 2.0)
"""Along i, j and k."""


@pytest.fixture(autouse=True)
def no_active_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment is active: the panel would propose its Python for training."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def panel(open_panel):
    """The open panel in an empty scene."""
    return open_panel("KDSegmentatorTraining").panel


@pytest.fixture
def views(bed) -> object:
    """Slicer's layout with its slice views, as the application has them; returns the layout node."""
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(bed.mrml.scene)
    logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    yield logic.GetLayoutNode()
    logic.SetMRMLScene(None)


@pytest.fixture
def volume(bed):
    """An empty volume whose grid is oblique and anisotropic."""
    matrix = np.eye(4)
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    matrix[:3, :3] = turn * SPACING_MM
    matrix[:3, 3] = (-11.0, 7.0, 30.0)
    return slicer.util.addVolumeFromArray(np.zeros(SHAPE, np.int16), slicer.util.vtkMatrixFromArray(matrix), "volume")


@pytest.fixture
def add_segmentation(volume) -> Callable:
    """Return a function that puts a segmentation into the scene; boxes are given as slices along (k, j, i)."""

    def add(name: str, boxes: dict, *, grid=None):
        grid = volume if grid is None else grid
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(grid)
        for title, box in boxes.items():
            mask = np.zeros(slicer.util.arrayFromVolume(grid).shape, np.uint8)
            mask[box] = 1
            identifier = node.GetSegmentation().AddEmptySegment("", title)
            slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, identifier, grid)
        return node

    return add


def box(k: tuple, j: tuple, i: tuple) -> tuple:
    """Return a box from first (included) and last (excluded) indices."""
    return (slice(*k), slice(*j), slice(*i))
