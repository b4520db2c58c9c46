"""From a row to the place in the slices where segmentation and reference are farthest apart."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import slicer

Point = Tuple[float, float, float]


def world_ras(point_lps_mm: Point, node: Optional[Any]) -> Point:
    """Return a point of a node's own frame (LPS) as the slices count: RAS of the scene, below all transforms of the node."""
    x, y, z = point_lps_mm
    ras = [-x, -y, z]
    transform = None if node is None else node.GetParentTransformNode()
    if transform is not None:
        import vtk

        to_world = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(transform, None, to_world)
        ras = list(to_world.TransformPoint(ras))
    return ras[0], ras[1], ras[2]


def jump_to(point_lps_mm: Point, node: Optional[Any]) -> Point:
    """Centre every slice on a point of a node's own frame (LPS, in mm); return the point in RAS of the scene."""
    ras = world_ras(point_lps_mm, node)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *ras, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is not None:
        crosshair.SetCrosshairRAS(*ras)
    return ras
