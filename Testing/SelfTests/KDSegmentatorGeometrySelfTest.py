"""Self test of geometry in Slicer: an oblique volume and a transformed one; no voxel is misplaced."""

from __future__ import annotations

import numpy as np
import slicer.util
from self_testing import STRUCTURES, STUDENT, SelfTest, addVolume, voxels

import slicer

TURNED = np.array(
    [
        [0.96, -0.24, 0.1436, -20.0],
        [0.2645, 0.9499, -0.1665, 31.0],
        [-0.0964, 0.1978, 0.9755, -7.5],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""IJK to RAS of an oblique grid with spacings near 1 mm; made exact in the test."""


def obliqueMatrix() -> np.ndarray:
    """Return the oblique grid with orthogonal axes of length 1 mm."""
    matrix = TURNED.copy()
    left, _, right = np.linalg.svd(matrix[:3, :3])
    matrix[:3, :3] = left @ right
    return matrix


class KDSegmentatorGeometrySelfTest(SelfTest):
    def test_an_oblique_volume_gives_the_voxels_of_the_straight_one(self) -> None:
        straight, oblique = addVolume(name="straight"), addVolume(obliqueMatrix(), "oblique")
        expected = self.logic.segment(straight, STUDENT, mirroring=False)
        node = self.logic.segment(oblique, STUDENT, mirroring=False)
        self.assertStructuresFound(node, oblique)
        for name in STRUCTURES:
            np.testing.assert_array_equal(voxels(node, name, oblique), voxels(expected, name, straight))

    def test_the_surface_encloses_the_voxels_where_the_grid_puts_them(self) -> None:
        volume = addVolume(obliqueMatrix())
        node = self.logic.segment(volume, STUDENT, mirroring=False)
        k, j, i = np.nonzero(voxels(node, STRUCTURES[1], volume))
        centres = (obliqueMatrix() @ np.array([i, j, k, np.ones(i.size)]))[:3]
        expected = np.array([centres.min(axis=1), centres.max(axis=1)])
        found = np.array(self.surfaceBounds(node, STRUCTURES[1])).reshape(3, 2).T
        np.testing.assert_allclose(found, expected, atol=1.0)

    def surfaceBounds(self, node, name: str) -> tuple:
        """Return the bounds of a structure's closed surface without smoothing, in RAS mm, made by Slicer without our help."""
        import vtk

        segmentation = node.GetSegmentation()
        segmentation.SetConversionParameter("Smoothing factor", "0.0")
        node.CreateClosedSurfaceRepresentation()
        mesh = vtk.vtkPolyData()
        self.assertTrue(node.GetClosedSurfaceRepresentation(segmentation.GetSegmentIdBySegmentName(name), mesh))
        return mesh.GetBounds()

    def test_a_transformed_volume_keeps_its_transform(self) -> None:
        volume = addVolume()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        moved = np.eye(4)
        moved[:3, 3] = (11.0, -7.0, 3.0)
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(moved))
        volume.SetAndObserveTransformNodeID(transform.GetID())
        node = self.logic.segment(volume, STUDENT, mirroring=False)
        self.assertIs(node.GetParentTransformNode(), transform)
        self.assertStructuresFound(node, volume)
