"""A case of a folder in the scene: both label maps as segmentations, drawn as outlines above each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Tuple

import slicer
from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _

FILE_ATTRIBUTE = "KDSegmentator.EvaluatedFile"
"""Node attribute: the file of a segmentation that was loaded to look at a case."""


def load_case(case: str, prediction: Path, reference: Path, names: Mapping[int, str]) -> Tuple[Any, Any]:
    """Load both label maps of a case, unless they are there already, and return their segmentation nodes.

    Parameters
    ----------
    case
        For the names of the nodes.
    prediction, reference
        The files.
    names
        Names of structures by their values.

    Raises
    ------
    InputError
        If Slicer cannot read one.
    """
    return (
        _loaded(prediction, _("{case} segmentation").format(case=case), names, opacity=0.0),
        _loaded(reference, _("{case} reference").format(case=case), names, opacity=0.5),
    )


def _loaded(path: Path, name: str, names: Mapping[int, str], *, opacity: float) -> Any:
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetAttribute(FILE_ATTRIBUTE) == str(path):
            return node
    node = _read(path, name, names)
    node.SetAttribute(FILE_ATTRIBUTE, str(path))
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetOpacity2DFill(opacity)
    return node


def _read(path: Path, name: str, names: Mapping[int, str]) -> Any:
    try:
        if path.name.lower().endswith(".seg.nrrd"):
            return slicer.util.loadSegmentation(str(path), properties={"name": name})
        label_map = slicer.util.loadLabelVolume(str(path), properties={"name": name, "show": False})
    except RuntimeError as error:
        raise InputError(
            _("Slicer cannot read a label map."),
            found=str(error),
            path=path,
            remedy=_("Open it with Add Data to see what is wrong with it."),
        ) from error
    try:
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(label_map, segmentation)
        _name_segments(segmentation.GetSegmentation(), names)
        segmentation.CreateDefaultDisplayNodes()
    finally:
        slicer.mrmlScene.RemoveNode(label_map)
    return segmentation


def _name_segments(segmentation: Any, names: Mapping[int, str]) -> None:
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        segment.SetName(names.get(int(segment.GetLabelValue()), segment.GetName()))
