"""An editor's scene: a source volume, a segmentation with segments in shared and in own layers, and the real editor logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorLib.effect.grid import image_of, labelmap_name, voxels_of
from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix
from KDSegmentatorLib.students import StudentLibrary

SHAPE = (8, 10, 12)
MATRIX = np.array([[0.9, -0.3, 0.1, -20.0], [0.25, 1.1, 0.2, 15.0], [-0.05, -0.15, 1.9, 5.0], [0.0, 0.0, 0.0, 1.0]])


@dataclass
class Editor:
    """The Segment Editor's nodes; segments are named as they are made."""

    scene: Any
    volume: Any
    segmentation: Any
    node: Any
    logic: Any

    def add_layer(self, **segments: np.ndarray) -> None:
        """Add segments that share one layer; each is given as the voxels it has, shape (k, j, i)."""
        sheet = np.zeros(next(iter(segments.values())).shape, dtype=np.uint8)
        for value, voxels in enumerate(segments.values(), start=3):
            sheet[voxels] = value
        image = image_of(sheet, self.grid)
        for value, name in enumerate(segments, start=3):
            segment = slicer.vtkSegment()
            segment.SetName(name)
            segment.SetColor(0.1, 0.2, value / 10)
            segment.AddRepresentation(labelmap_name(), image)
            segment.SetLabelValue(value)
            self.segmentation.GetSegmentation().AddSegment(segment, name)

    @property
    def grid(self) -> Any:
        """The volume's grid in the volume's frame."""
        grid = slicer.vtkOrientedImageData()
        grid.SetExtent(self.volume.GetImageData().GetExtent())
        grid.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(self.volume)))
        return grid

    def voxels(self, segment_id: str) -> np.ndarray:
        """Return the voxels of a segment on the volume's grid, as Slicer itself extracts them."""
        image = slicer.vtkOrientedImageData()
        self.segmentation.GetBinaryLabelmapRepresentation(segment_id, image)
        whole = slicer.vtkOrientedImageData()
        resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
        assert resample(image, self.grid, whole)
        return voxels_of(whole) > 0

    def names(self) -> list[str]:
        """Return the names of the segments, in order."""
        segmentation = self.segmentation.GetSegmentation()
        return [segmentation.GetSegment(name).GetName() for name in segmentation.GetSegmentIDs()]

    def id_of(self, name: str) -> str:
        """Return the ID of the segment with this name."""
        return self.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)


@pytest.fixture
def intensities() -> np.ndarray:
    """The voxels of the volume, int16, each different."""
    return np.random.default_rng(3).permutation(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)


@pytest.fixture
def editor(scene: Any, intensities: np.ndarray) -> Editor:
    """A segment editor with an oblique volume and a segmentation without segments."""
    return make_editor(scene, intensities, MATRIX)


def make_editor(scene: Any, intensities: np.ndarray, matrix: np.ndarray) -> Editor:
    """Return a segment editor for a volume of these voxels (k, j, i) and this matrix from IJK to RAS."""
    image = vtk.vtkImageData()
    image.SetDimensions(*intensities.shape[::-1])
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = intensities.ravel()
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "source")
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(vtk_matrix(matrix))
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node = scene.AddNode(slicer.vtkMRMLSegmentEditorNode())
    node.SetAndObserveSegmentationNode(segmentation)
    node.SetAndObserveSourceVolumeNode(volume)
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(scene)
    logic.SetSegmentEditorNode(node)
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(segmentation.GetSegmentation())
    history.SetMaximumNumberOfStates(5)
    logic.SetSegmentationHistory(history)
    return Editor(scene, volume, segmentation, node, logic)


@pytest.fixture
def cells() -> Callable[..., np.ndarray]:
    """Return a function that gives a bool array of the volume's shape, true in the slices (k, j, i)."""

    def make(*bounds: slice, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
        found = np.zeros(shape, dtype=bool)
        found[bounds] = True
        return found

    return make


@pytest.fixture
def crop_editor(scene: Any) -> Editor:
    """An editor with a turned volume of 1 mm voxels, in which the threshold student finds what is above 0."""
    turn = np.array([[0.0, -1.0, 0.0], [0.8, 0.0, -0.6], [0.6, 0.0, 0.8]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (12.0, -7.0, 30.0)
    voxels = np.random.default_rng(5).integers(-40, 20, size=(14, 16, 18)).astype(np.int16)
    voxels[voxels == 0] = -1
    voxels[4:10, 5:12, 3:15] += 30
    return make_editor(scene, voxels, matrix)


@pytest.fixture(scope="session")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with students whose labels are known without running them."""
    folder = tmp_path_factory.mktemp("students")
    write_threshold_student(folder)
    write_threshold_student(folder, channels=2, name="two-channels")
    return folder


@pytest.fixture
def library(students: Path, tmp_path: Path) -> StudentLibrary:
    """The library with these students."""
    return StudentLibrary(tmp_path / "none", students)
