"""What the panel reads from the scene to decide."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import slicer
from KDSegmentatorLib.presentation.readiness import StudentFacts, VolumeFacts
from KDSegmentatorLib.presentation.structures import Structure

MODALITY = "DICOM.Modality"
"""Attribute of an image, its series or its study in the subject hierarchy."""


def volume_facts(volume_node: Any) -> Optional[VolumeFacts]:
    """Return what is known of a volume node; None without one."""
    if volume_node is None:
        return None
    image = volume_node.GetImageData()
    if image is None:
        return VolumeFacts(volume_node.GetName(), (0, 0, 0), modality=modality_of(volume_node))
    i, j, k = image.GetDimensions()
    components = image.GetNumberOfScalarComponents()
    return VolumeFacts(volume_node.GetName(), (i, j, k), components, modality_of(volume_node))


def modality_of(volume_node: Any) -> str:
    """Return the DICOM modality of a volume, as its import from DICOM noted it; empty where it is not known."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volume_node) if hierarchy is not None else 0
    root = hierarchy.GetSceneItemID() if hierarchy is not None else 0
    while item and item != root:
        modality = hierarchy.GetItemAttribute(item, MODALITY)
        if modality:
            return str(modality).strip().upper()
        item = hierarchy.GetItemParent(item)
    return ""


def student_facts(student: Any) -> Optional[StudentFacts]:
    """Return what the decision needs of an installed student; None without one."""
    if student is None:
        return None
    data = student.document
    channels = tuple(channel["name"] for channel in data["channels"])
    return StudentFacts(student_title_of(student), data["modality"], channels, len(student.entries))


def student_title_of(student: Any) -> str:
    """Return name and version of an installed student."""
    return f"{student.name} {student.version}"


def structures_of(student: Any) -> Tuple[Structure, ...]:
    """Return the structures of an installed student; none without one."""
    if student is None:
        return ()
    return tuple(Structure(entry.value, entry.name, tuple(entry.color)) for entry in student.entries)


def volumes() -> Tuple[Any, ...]:
    """Return the volumes of the scene that can be chosen: scalar volumes that are shown in lists, no label maps."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return tuple(n for n in nodes if n.GetClassName() == "vtkMRMLScalarVolumeNode" and not n.GetHideFromEditors())
