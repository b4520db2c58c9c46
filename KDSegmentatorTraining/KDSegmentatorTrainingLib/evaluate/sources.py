"""A segmentation or a label map of the scene: its segments, and its voxels on any grid."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np
import numpy.typing as npt
import vtk

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.effect.grid import labelmap_name, voxels_of
from KDSegmentatorLib.effect.layers import Layer, layers_of
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix
from KDSegmentatorLib.mrml.nodes import class_of, is_node, name_of
from KDSegmentatorTrainingLib.evaluate.matching import SegmentFacts

SEGMENTATION, LABEL_MAP = "vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode"
"""Classes of nodes that can be compared."""


def segments_of(node: Any) -> Tuple[SegmentFacts, ...]:
    """Return the segments of a segmentation in order, or the values of a label map above 0.

    Raises
    ------
    InputError
        If the node is of another class, or its segments are not binary label maps.
    """
    if is_node(node, LABEL_MAP):
        return _values_of(node)
    if not is_node(node, SEGMENTATION):
        raise InputError(
            _("This cannot be compared."),
            expected=_("a segmentation or a label map"),
            found=class_of(node),
            path=name_of(node) or None,
            remedy=_("Choose a segmentation or a label map."),
        )
    segmentation = node.GetSegmentation()
    count = segmentation.GetNumberOfSegments()
    if count and not segmentation.ContainsRepresentation(labelmap_name()):
        raise InputError(
            _("The segmentation has no voxels to compare."),
            expected=labelmap_name(),
            found=segmentation.GetSourceRepresentationName(),
            path=node.GetName(),
            remedy=_("Create its binary label map in the Segmentations module first."),
        )
    segments = [(segmentation.GetNthSegmentID(index), segmentation.GetNthSegment(index)) for index in range(count)]
    return tuple(SegmentFacts(key, segment.GetName() or key, int(segment.GetLabelValue())) for key, segment in segments)


def layers(node: Any) -> Tuple[Layer, ...]:
    """Return the images of a segmentation or label map, with the value of each segment in them by its key."""
    if is_node(node, SEGMENTATION):
        return layers_of(node)
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(node.GetImageData())
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(node)))
    return (Layer(image, {segment.key: segment.label for segment in segments_of(node)}),)


def grid_of(node: Any) -> Any:
    """Return the grid of a segmentation or label map in its own frame, as a ``vtkOrientedImageData`` without voxels.

    That of a segmentation is its reference geometry, grown to hold every segment; without one, what holds every segment.

    Raises
    ------
    InputError
        If it has no voxels.
    """
    grid = slicer.vtkOrientedImageData()
    if is_node(node, LABEL_MAP):
        image = node.GetImageData()
        if image is not None:
            grid.SetExtent(image.GetExtent())
            grid.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(node)))
        text = "" if image is None else "label map"
    else:
        segmentation = node.GetSegmentation()
        identifiers = vtk.vtkStringArray()
        segmentation.GetSegmentIDs(identifiers)
        mode = segmentation.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS_AND_REFERENCE_GEOMETRY
        text = segmentation.DetermineCommonLabelmapGeometry(mode, identifiers)
        if text:
            slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, grid, False)
    if not text or min(shape_of_grid(grid)) < 1:
        raise InputError(
            _("There is nothing in it to compare."),
            path=name_of(node) or None,
            remedy=_("Choose a segmentation or a label map that holds something."),
        )
    return grid


def shape_of_grid(grid: Any) -> Tuple[int, int, int]:
    """Return the number of voxels along i, j and k."""
    i0, i1, j0, j1, k0, k1 = grid.GetExtent()
    return i1 - i0 + 1, j1 - j0 + 1, k1 - k0 + 1


def _values_of(node: Any) -> Tuple[SegmentFacts, ...]:
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        return ()
    names = _names_of(node)
    return tuple(SegmentFacts(str(value), names.get(value) or str(value), value) for value in _present(node))


def _present(node: Any) -> List[int]:
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(node.GetImageData())
    voxels: npt.NDArray[Any] = voxels_of(image)
    if voxels.dtype.kind not in "iu" or int(voxels.min()) < 0 or int(voxels.max()) > np.iinfo(np.uint16).max:
        raise InputError(
            _("The label map does not hold labels."),
            expected=_("whole numbers from 0 to 65535"),
            found=_("{kind}, from {low} to {high}").format(kind=voxels.dtype, low=voxels.min(), high=voxels.max()),
            path=node.GetName(),
            remedy=_("Convert it to a label map of whole numbers, for example with the Volumes module."),
        )
    found = np.zeros(int(voxels.max()) + 1, dtype=bool)
    for plane in voxels:
        found[plane.ravel()] = True
    return [int(value) for value in np.flatnonzero(found) if value]


def _names_of(node: Any) -> Dict[int, str]:
    """Return the names of a label map's own colour table; those of Slicer's tables say nothing about its structures."""
    display = node.GetDisplayNode()
    colors = None if display is None else display.GetColorNode()
    if colors is None or colors.GetSingletonTag():
        return {}
    return {value: colors.GetColorName(value) for value in range(colors.GetNumberOfColors())}
