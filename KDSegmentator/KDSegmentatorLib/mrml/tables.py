"""Volumes of the structures as a table node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

import numpy as np
import numpy.typing as npt
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.nodes import require_node
from KDSegmentatorLib.mrml.segmentations import not_found
from KDSegmentatorLib.mrml.subject_hierarchy import place_beside

STRUCTURE_COLUMN = "Structure"
VOXELS_COLUMN = "Voxels"
VOLUME_COLUMN = "Volume [ml]"
"""Names of the columns; they are not translated, so that programs find them."""

_CHUNK_VOXELS = 1 << 22


@dataclass(frozen=True)
class StructureVolume:
    """How large one structure is; ``volume_ml`` is in the frame of the volume, before any parent transform."""

    name: str
    voxels: int
    volume_ml: float


def volumes_table(segmentation_node: Any, table_node: Optional[Any] = None) -> Any:
    """Count the voxels of every segment as it is now, and write name, voxels and millilitres to a table node.

    A structure that the student looked for and did not find has a row with 0 voxels.

    Parameters
    ----------
    segmentation_node
        With binary label maps.
    table_node
        A ``vtkMRMLTableNode`` whose content is replaced; None makes one beside the segmentation.

    Returns
    -------
    vtkMRMLTableNode
        Columns ``Structure``, ``Voxels`` and ``Volume [ml]``, one row for each structure.

    Raises
    ------
    InputError
        If a node is of another class, or the segments are not binary label maps; the table is unchanged.
    """
    rows = structure_volumes(segmentation_node)
    if table_node is not None:
        require_node(table_node, "vtkMRMLTableNode", _("The volumes of structures need a table to go to."))
    else:
        scene = segmentation_node.GetScene()
        name = scene.GenerateUniqueName(_("{segmentation} volumes").format(segmentation=segmentation_node.GetName()))
        table_node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
        place_beside(table_node, segmentation_node)
    table_node.SetAndObserveTable(_table(rows))
    table_node.SetUseColumnTitleAsColumnHeader(True)
    table_node.SetColumnUnitLabel(VOLUME_COLUMN, "ml")
    return table_node


def structure_volumes(segmentation_node: Any) -> Tuple[StructureVolume, ...]:
    """Return the size of every segment, in their order, and then the structures that were not found.

    Raises
    ------
    InputError
        If it is no segmentation, or the segments are not binary label maps.
    """
    require_node(segmentation_node, "vtkMRMLSegmentationNode", _("Volumes of structures are counted in a segmentation."))
    segmentation = segmentation_node.GetSegmentation()
    labelmap = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    count = segmentation.GetNumberOfSegments()
    if count and not segmentation.ContainsRepresentation(labelmap):
        raise InputError(
            _("The segmentation has no voxels to count."),
            expected=labelmap,
            found=segmentation.GetSourceRepresentationName(),
            path=segmentation_node.GetName(),
            remedy=_("Create its binary label map in the Segmentations module first."),
        )
    rows: List[StructureVolume] = []
    counted: Any = None
    counts = np.zeros(1, dtype=np.int64)
    for index in range(count):
        segment = segmentation.GetNthSegment(index)
        image = segment.GetRepresentation(labelmap)
        if image is not counted:
            counted, counts = image, _label_counts(image)
        value = int(segment.GetLabelValue())
        voxels = int(counts[value]) if value < counts.size else 0
        rows.append(StructureVolume(segment.GetName(), voxels, voxels * _voxel_ml(image)))
    names = {row.name for row in rows}
    return tuple(rows + [StructureVolume(name, 0, 0.0) for name in not_found(segmentation_node) if name not in names])


def _label_counts(image: Any) -> npt.NDArray[np.int64]:
    """Return how often each label from 0 on is there; part by part, because counting needs eight bytes for each voxel."""
    scalars = image.GetPointData().GetScalars()
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        return np.zeros(1, dtype=np.int64)
    labels = vtk_to_numpy(scalars).ravel()
    length = int(labels.max()) + 1
    counts = np.zeros(length, dtype=np.int64)
    for start in range(0, labels.size, _CHUNK_VOXELS):
        counts += np.bincount(labels[start : start + _CHUNK_VOXELS].astype(np.int64), minlength=length)
    return counts


def _voxel_ml(image: Any) -> float:
    x, y, z = image.GetSpacing()
    return float(x * y * z / 1000.0)


def _table(rows: Tuple[StructureVolume, ...]) -> Any:
    names, voxels, volumes = vtk.vtkStringArray(), vtk.vtkLongLongArray(), vtk.vtkDoubleArray()
    names.SetName(STRUCTURE_COLUMN)
    voxels.SetName(VOXELS_COLUMN)
    volumes.SetName(VOLUME_COLUMN)
    for row in rows:
        names.InsertNextValue(row.name)
        voxels.InsertNextValue(row.voxels)
        volumes.InsertNextValue(row.volume_ml)
    table = vtk.vtkTable()
    for column in (names, voxels, volumes):
        table.AddColumn(column)
    return table
