"""Whether a result was edited since a student made it: a checksum of names and voxels, kept with the node in the scene."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from vtk.util.numpy_support import vtk_to_numpy

import slicer

FINGERPRINT_ATTRIBUTE = "KDSegmentator.Fingerprint"
"""Node attribute: :func:`fingerprint` right after the node was filled with a result."""


def remember_content(segmentation_node: Any) -> None:
    """Take note that the node holds a result that nobody has edited yet."""
    segmentation_node.SetAttribute(FINGERPRINT_ATTRIBUTE, fingerprint(segmentation_node))


def was_edited(segmentation_node: Any) -> bool:
    """Tell whether segments were edited, added or removed since; True as well where nothing was noted, as for drawings."""
    return bool(segmentation_node.GetAttribute(FINGERPRINT_ATTRIBUTE) != fingerprint(segmentation_node))


def fingerprint(segmentation_node: Any) -> str:
    """Return a checksum of all segments that saving and loading the scene does not change."""
    segmentation = segmentation_node.GetSegmentation()
    labelmap = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    sheets = [_checksum(segmentation.GetLayerDataObject(i, labelmap)) for i in range(segmentation.GetNumberOfLayers(labelmap))]
    segments = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    names = sorted((segment.GetName(), segment.GetLabelValue()) for segment in segments)
    return f"{zlib.crc32(repr((sorted(sheets), names)).encode()):08x}"


def _checksum(image: Any) -> int:
    """Return the checksum of a layer without its empty margin, whose width is Slicer's choice."""
    if image is None or image.IsEmpty():
        return 0
    voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    planes = [k for k, plane in enumerate(voxels) if plane.any()]
    if not planes:
        return 0
    voxels = voxels[planes[0] : planes[-1] + 1]
    rows = np.flatnonzero(voxels.any(axis=(0, 2)))
    columns = np.flatnonzero(voxels.any(axis=(0, 1)))
    box = voxels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    checksum = zlib.crc32(repr(box.shape).encode())
    for plane in box:
        checksum = zlib.crc32(plane.astype("<u2").tobytes(), checksum)
    return checksum
