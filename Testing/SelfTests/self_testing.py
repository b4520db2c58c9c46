"""What the self tests share. They need nothing but Slicer with the extension in it."""

from __future__ import annotations

import time
import unittest
from typing import Any, Callable, Optional

import numpy as np
import slicer.util

import slicer

STUDENT = "hippocampus"
STRUCTURES = ("Anterior hippocampus", "Posterior hippocampus")
LONGEST_RUN_S = 300.0


class SelfTest(unittest.TestCase):
    """Begins with an empty scene and with every package that a run needs; both are left as they are then."""

    def setUp(self) -> None:
        import KDSegmentator

        slicer.mrmlScene.Clear()
        self.logic = KDSegmentator.KDSegmentatorLogic()
        self.logic.installPackages()

    def tearDown(self) -> None:
        slicer.mrmlScene.Clear()

    def waitUntil(self, condition: Callable[[], object], what: str, seconds: float = LONGEST_RUN_S) -> None:
        """Keep Slicer alive until the condition holds; fails after the time."""
        limit = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), limit, f"This did not come: {what}")
            slicer.app.processEvents()
            time.sleep(0.005)

    def assertStructuresFound(self, segmentationNode: Any, volumeNode: Any) -> None:
        """The segmentation has both structures of the student, in order, and each has voxels."""
        self.assertEqual(names(segmentationNode), STRUCTURES)
        for name in STRUCTURES:
            self.assertGreater(int(voxels(segmentationNode, name, volumeNode).sum()), 30, name)


def addVolume(matrix: Optional[np.ndarray] = None, name: str = "crop") -> Any:
    """Return a new volume in which the shipped student finds both of its structures; ``matrix`` is IJK to RAS, in mm."""
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in (40, 56, 40)), indexing="ij")
    blob = 80 * np.exp(-(12 * k**2 + j**2 + 6 * i**2))
    noise = np.random.default_rng(7).normal(0, 6, blob.shape)
    ijkToRAS = None if matrix is None else slicer.util.vtkMatrixFromArray(matrix)
    return slicer.util.addVolumeFromArray((100 + blob + noise).astype(np.int16), ijkToRAS, name)


def chooseStudent(combo: Any) -> None:
    """Choose the student of these tests, whatever its version, in a list of students."""
    combo.currentIndex = next(i for i in range(combo.count) if combo.itemText(i).rsplit(" ", 1)[0] == STUDENT)


def names(segmentationNode: Any) -> tuple[str, ...]:
    """Return the names of the segments, in order."""
    segmentation = segmentationNode.GetSegmentation()
    return tuple(segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments()))


def voxels(segmentationNode: Any, name: str, volumeNode: Any) -> np.ndarray:
    """Return a segment on the grid of a volume, shape (k, j, i), 0 and 1, as Slicer extracts it."""
    identifier = segmentationNode.GetSegmentation().GetSegmentIdBySegmentName(name)
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, identifier, volumeNode).copy()


def segmentationCount() -> int:
    """Return how many segmentations the scene has."""
    return slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
