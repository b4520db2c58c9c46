"""The grid that the editor works on, and images that are brought onto it.

A grid is a ``vtkOrientedImageData`` without voxels: extent, and the matrix from voxel indices to the segmentation's own frame.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from kdseg.errors import OutputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import vtk_matrix

Extent = Tuple[int, int, int, int, int, int]
"""First and last index along i, j and k; empty where a last one is below its first."""

_VTK_TYPES = {"b1": vtk.VTK_UNSIGNED_CHAR, "u1": vtk.VTK_UNSIGNED_CHAR, "u2": vtk.VTK_UNSIGNED_SHORT}


def labelmap_name() -> str:
    """Return Slicer's name of the representation by voxels."""
    return str(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())


def surface_name() -> str:
    """Return Slicer's name of the representation by surfaces."""
    return str(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())


def is_empty(extent: Sequence[int]) -> bool:
    """Tell whether an extent holds no voxel."""
    return extent[0] > extent[1] or extent[2] > extent[3] or extent[4] > extent[5]


def shape_of(extent: Extent) -> Tuple[int, int, int]:
    """Return the shape (k, j, i) of an extent."""
    return extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1


def editor_grid(segmentation_node: Any, volume_node: Any) -> Any:
    """Return the grid that the Segment Editor uses: the segmentation's reference geometry, grown to hold every segment.

    A segmentation without a reference geometry takes that of the volume.

    Raises
    ------
    OutputError
        If neither gives a geometry.
    """
    segmentation = segmentation_node.GetSegmentation()
    parameter = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    text = segmentation.GetConversionParameter(parameter)
    if not text:
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        text = segmentation.GetConversionParameter(parameter)
    grid = slicer.vtkOrientedImageData()
    read = bool(text) and slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, grid, False)
    if not read or is_empty(grid.GetExtent()):
        raise OutputError(
            _("The segmentation has no geometry to write to."),
            path=segmentation_node.GetName(),
            remedy=_("Choose the source volume of the Segment Editor again."),
        )
    segments = [0, -1, 0, -1, 0, -1]
    identifiers = vtk.vtkStringArray()
    segmentation.GetSegmentIDs(identifiers)
    segmentation.DetermineCommonLabelmapExtent(segments, grid, identifiers)
    if not is_empty(tuple(segments)):
        grid.SetExtent(*(pick(a, b) for pick, a, b in zip((min, max) * 3, grid.GetExtent(), segments)))
    return grid


def grid_matrix(image: Any) -> npt.NDArray[np.float64]:
    """Return the matrix from voxel indices to the image's frame, shape (4, 4)."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return numpy_matrix(matrix)


def numpy_matrix(matrix: Any) -> npt.NDArray[np.float64]:
    """Return a ``vtkMatrix4x4`` as an array of shape (4, 4)."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def image_of(voxels: npt.NDArray[Any], grid: Any, extent: Optional[Extent] = None) -> Any:
    """Return a ``vtkOrientedImageData`` on the lattice of ``grid``.

    Parameters
    ----------
    voxels
        bool, uint8 or uint16 of shape (k, j, i).
    grid
        A ``vtkOrientedImageData``.
    extent
        Where the voxels lie; None for the whole grid.
    """
    image = slicer.vtkOrientedImageData()
    image.SetExtent(grid.GetExtent() if extent is None else extent)
    image.SetImageToWorldMatrix(vtk_matrix(grid_matrix(grid)))
    if voxels.size:
        image.AllocateScalars(_VTK_TYPES[voxels.dtype.str[1:]], 1)
        voxels_of(image)[...] = voxels
        image.GetPointData().GetScalars().Modified()
    return image


def voxels_of(image: Any) -> npt.NDArray[Any]:
    """Return the voxels of an image, shape (k, j, i): a view of its memory, to be used while the image is held."""
    scalars = image.GetPointData().GetScalars()
    if scalars is None:
        return np.zeros((0, 0, 0), dtype=np.uint8)
    voxels: npt.NDArray[Any] = vtk_to_numpy(scalars).reshape(shape_of(image.GetExtent()))
    return voxels


def onto(
    grid: Any, image: Any, *, linear: bool = False, transform: Optional[Any] = None, background: float = 0.0
) -> npt.NDArray[Any]:
    """Return the voxels of ``image`` on ``grid``, shape (k, j, i); ``background`` where the image has none.

    Parameters
    ----------
    grid, image
        Two ``vtkOrientedImageData``.
    linear
        Interpolate (intensities) instead of taking the nearest voxel (labels).
    transform
        From the image's frame to that of the grid; None if they are the same.
    background
        The value of voxels that the image does not cover.

    Raises
    ------
    OutputError
        If Slicer cannot resample the image.
    """
    if is_empty(image.GetExtent()) or image.GetPointData().GetScalars() is None:
        return np.full(shape_of(grid.GetExtent()), background, dtype=np.uint8)
    resampled = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(image, grid, resampled, linear, False, transform, background) or resampled.GetExtent() != grid.GetExtent():
        raise OutputError(_("Slicer cannot bring an image onto the geometry of the segmentation."))
    return voxels_of(resampled).copy()


def transform_between(from_node: Any, to_node: Any) -> Optional[Any]:
    """Return the transform between the own frames of two nodes; None if both lie under the same parent."""
    first, second = from_node.GetParentTransformNode(), to_node.GetParentTransformNode()
    if first is second:
        return None
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(first, second, transform)
    return transform
