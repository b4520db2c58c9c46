"""A result's place in the subject hierarchy: in the study of its volume, where DICOM export finds the patient."""

from __future__ import annotations

from typing import Any

import slicer


def place_beside(node: Any, volume_node: Any) -> None:
    """Move ``node`` to the branch of the subject hierarchy that holds ``volume_node``, unless it is in there already.

    Nothing happens where the volume is not in the hierarchy (outside the application).
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume_node.GetScene())
    nowhere = hierarchy.GetInvalidItemID()
    volume_item = hierarchy.GetItemByDataNode(volume_node)
    if volume_item == nowhere:
        return
    branch = hierarchy.GetItemParent(volume_item)
    item = hierarchy.GetItemByDataNode(node)
    if item == nowhere:
        hierarchy.CreateItem(branch, node)
    elif not _is_inside(hierarchy, item, branch):
        hierarchy.SetItemParent(item, branch)


def _is_inside(hierarchy: Any, item: int, branch: int) -> bool:
    """Tell whether ``item`` lies under ``branch``; of the scene, under which everything lies, only direct children count."""
    top = hierarchy.GetSceneItemID()
    parent = hierarchy.GetItemParent(item)
    if branch == top:
        return bool(parent == top)
    while parent not in (top, hierarchy.GetInvalidItemID()):
        if parent == branch:
            return True
        parent = hierarchy.GetItemParent(parent)
    return False
