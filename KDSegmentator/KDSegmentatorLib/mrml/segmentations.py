"""Label maps as segmentation nodes: one shared layer on the grid of the volume, with names, colours and codes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import slicer
from kdseg.errors import PathLike, WorkerError
from kdseg.segmentation import LabelEntry
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.fingerprint import remember_content
from KDSegmentatorLib.mrml.labels import LabelMap, label_image, read_labels
from KDSegmentatorLib.mrml.subject_hierarchy import place_beside
from KDSegmentatorLib.mrml.terminology import set_algorithm, set_terminology

STUDENT_ATTRIBUTE = "KDSegmentator.Student"
"""Node attribute: name and version of the student that made the segmentation."""

NOT_FOUND_ATTRIBUTE = "KDSegmentator.NotFound"
"""Node attribute: JSON list with the names of the structures that were looked for and have no voxel."""


@dataclass(frozen=True)
class NewContent:
    """What a segmentation node will hold: complete, but not yet in any node.

    Attributes
    ----------
    segments
        ID and ``vtkSegment`` of every structure that was found; all share one image.
    image
        That image, a ``vtkOrientedImageData``.
    not_found
        Names of the structures without a voxel. They get no segment: Slicer's DICOM SEG export cannot tell an empty segment
        of a shared layer from a filled one, and fails.
    student
        Name and version of the student.
    """

    segments: Tuple[Tuple[str, Any], ...]
    image: Any
    not_found: Tuple[str, ...]
    student: str


def import_labels(
    labels_path: PathLike,
    entries: Sequence[LabelEntry],
    volume_node: Any,
    segmentation_node: Optional[Any] = None,
    structures: Optional[Sequence[int]] = None,
    *,
    student: str = "",
) -> Any:
    """Show a label map as a segmentation of a volume.

    Parameters
    ----------
    labels_path
        Label map on the grid of ``volume_node``; 0 is background.
    entries
        The structures that the student knows.
    volume_node
        The volume that was segmented: it gives the geometry, the parent transform and the place in the subject hierarchy.
    segmentation_node
        A ``vtkMRMLSegmentationNode`` whose segments are replaced, once the new ones are complete; None makes a node.
    structures
        Label values to take over; None for all.
    student
        Name and version of the student, kept with the segments for DICOM.

    Returns
    -------
    vtkMRMLSegmentationNode
        With one segment for each structure that was found.

    Raises
    ------
    WorkerError
        If the label map lies on another grid or holds labels without an entry.
    InputError
        If the label map cannot be read.
    OutputError
        If a code cannot be written in Slicer's form. On any error the scene is as before.
    """
    content = read_content(labels_path, entries, volume_node, structures, student=student)
    return show(content, volume_node, segmentation_node)


def read_content(
    labels_path: PathLike,
    entries: Sequence[LabelEntry],
    volume_node: Any,
    structures: Optional[Sequence[int]] = None,
    *,
    student: str = "",
) -> NewContent:
    """Make the segments of :func:`import_labels` without touching any node; same parameters and errors."""
    labels = read_labels(labels_path, entries, volume_node)
    wanted = [entry for entry in entries if structures is None or entry.value in structures]
    found = [entry for entry in wanted if labels.counts[entry.value]]
    return _content(labels, wanted, found, volume_node, student)


def _content(
    labels: LabelMap, wanted: Sequence[LabelEntry], found: Sequence[LabelEntry], volume_node: Any, student: str
) -> NewContent:
    image = label_image(labels, [entry.value for entry in found], volume_node)
    segments = []
    for entry in found:
        segment = slicer.vtkSegment()
        set_terminology(segment, entry)
        set_algorithm(segment, student)
        segment.SetLabelValue(entry.value)
        segment.AddRepresentation(_binary_labelmap(), image)
        segments.append((f"Segment_{entry.value}", segment))
    missing = tuple(entry.name for entry in wanted if entry not in found)
    return NewContent(tuple(segments), image, missing, student)


def show(content: NewContent, volume_node: Any, segmentation_node: Optional[Any] = None) -> Any:
    """Put complete content into a segmentation node of the scene, new or given, and return the node."""
    node = segmentation_node
    if node is None:
        scene = volume_node.GetScene()
        name = scene.GenerateUniqueName(_("{volume} segmentation").format(volume=volume_node.GetName()))
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    modifying = node.StartModify()
    try:
        fill(node, content)
        remember_content(node)
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    except Exception:
        if segmentation_node is None:
            volume_node.GetScene().RemoveNode(node)
        raise
    finally:
        node.EndModify(modifying)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    place_beside(node, volume_node)
    return node


def fill(node: Any, content: NewContent) -> None:
    """Replace the segments of a node, also of one outside the scene.

    Raises
    ------
    WorkerError
        If Slicer does not accept a segment; the node is then unchanged.
    """
    segmentation = node.GetSegmentation()
    refused = [identifier for identifier, segment in content.segments if not segmentation.CanAcceptSegment(segment)]
    if refused:
        raise WorkerError(_("Slicer does not accept the new segments."), found=", ".join(refused), path=node.GetName())
    had_surface = segmentation.ContainsRepresentation(_closed_surface())
    segmentation.RemoveAllSegments()
    node.SetSourceRepresentationToBinaryLabelmap()
    segmentation.SetConversionParameter(_reference_geometry(), _serialized(content.image))
    for identifier, segment in content.segments:
        segmentation.AddSegment(segment, identifier)
    if had_surface and content.segments:
        node.CreateClosedSurfaceRepresentation()
    node.SetAttribute(STUDENT_ATTRIBUTE, content.student or None)
    node.SetAttribute(NOT_FOUND_ATTRIBUTE, json.dumps(content.not_found, ensure_ascii=False) if content.not_found else None)


def not_found(segmentation_node: Any) -> Tuple[str, ...]:
    """Return the names of the structures that were looked for and not found when the node was last filled."""
    text = segmentation_node.GetAttribute(NOT_FOUND_ATTRIBUTE)
    return tuple(str(name) for name in json.loads(text)) if text else ()


def _binary_labelmap() -> str:
    return str(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName())


def _closed_surface() -> str:
    return str(slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName())


def _reference_geometry() -> str:
    return str(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())


def _serialized(image: Any) -> str:
    return str(slicer.vtkSegmentationConverter.SerializeImageGeometry(image))
