"""A student's result in the editor's segments: prepared completely, then put in.

What a run may not change stays: voxels outside the editable area, segments that it does not write to (unless the editor's
"modify other segments" gives them up where the result lies), and names, colours and codes of segments that were there before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

import slicer
from kdseg.errors import OutputError
from KDSegmentatorLib.effect.editable import Masking, editable_voxels, visible
from KDSegmentatorLib.effect.grid import editor_grid, image_of, labelmap_name, onto, surface_name, transform_between, voxels_of
from KDSegmentatorLib.effect.layers import Layer, layers_of
from KDSegmentatorLib.effect.sheets import Content, contents, kept, numbered, present
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.terminology import set_algorithm


@dataclass(frozen=True)
class Part:
    """One structure of the result and where it goes.

    Attributes
    ----------
    value
        Its value in the result, at least 1.
    name
        Its name, for messages.
    segment_id
        The segment that takes it; None for a new one.
    segment
        For a new segment: a ``vtkSegment`` with name, colour and codes; None if the structure was not found.
    """

    value: int
    name: str
    segment_id: Optional[str] = None
    segment: Optional[Any] = None


@dataclass(frozen=True)
class Result:
    """What the student found.

    Attributes
    ----------
    image
        Labels, a ``vtkOrientedImageData`` in the own frame of the source volume.
    parts
        The structures to take over, found or not.
    student
        Name and version of the student.
    """

    image: Any
    parts: Tuple[Part, ...]
    student: str


@dataclass(frozen=True)
class Change:
    """Everything that will be different, computed before anything is touched.

    Attributes
    ----------
    contents
        The segments that are written, and what they will hold.
    erasures
        Images that stay, with the voxels that are taken out of them.
    not_found
        Names of the structures without a voxel in the editable area.
    mixed
        IDs of the segments that keep voxels from before.
    student
        Name and version of the student.
    """

    contents: Tuple[Tuple[Part, Content], ...]
    erasures: Tuple[Tuple[Any, npt.NDArray[np.bool_]], ...]
    not_found: Tuple[str, ...]
    mixed: Tuple[str, ...]
    student: str

    @property
    def nothing(self) -> bool:
        """Tell whether no segment would be different."""
        return not self.contents and not self.erasures


def prepare(segmentation_node: Any, volume_node: Any, result: Result, masking: Masking, overwrite: int) -> Change:
    """Compute what a result changes in a segmentation, without changing it.

    Parameters
    ----------
    segmentation_node, volume_node
        The editor's.
    result
        What the student found.
    masking
        Where voxels may change.
    overwrite
        One of ``vtkMRMLSegmentEditorNode.Overwrite…``: which other segments give way.

    Raises
    ------
    OutputError
        If a segment is gone, the segmentation holds no label maps, or Slicer cannot resample.
    """
    written = [part.segment_id for part in result.parts if part.segment_id is not None]
    check_writable(segmentation_node, written)
    grid, layers = editor_grid(segmentation_node, volume_node), layers_of(segmentation_node)
    labels = onto(grid, result.image, transform=transform_between(volume_node, segmentation_node))
    allowed = None
    if not masking.everywhere:
        allowed = editable_voxels(segmentation_node, volume_node, grid, masking, written)
        labels[~allowed] = 0
    first = numbered(labels, [part.value for part in result.parts])
    numbers = {part.segment_id: number for number, part in enumerate(result.parts, start=1) if part.segment_id is not None}
    found = present(first)
    erasures = _erasures(segmentation_node, layers, written, overwrite, image_of(first > 0, grid))
    keepers = kept(layers, numbers, allowed, grid)
    keeping = frozenset().union(*(present(keeper) for keeper in keepers))
    filled = zip(result.parts, contents(first, keepers, len(result.parts), grid))
    return Change(
        contents=tuple((part, content) for part, content in filled if part.segment_id is not None or content.value),
        erasures=erasures,
        not_found=tuple(part.name for number, part in enumerate(result.parts, start=1) if number not in found),
        mixed=tuple(name for name, number in numbers.items() if number in keeping),
        student=result.student,
    )


def commit(segmentation_node: Any, change: Change) -> Tuple[str, ...]:
    """Put a change into the segmentation and return the IDs of the segments that were written."""
    segmentation = segmentation_node.GetSegmentation()
    had_surface = segmentation.ContainsRepresentation(surface_name())
    modifying = segmentation_node.StartModify()
    try:
        if segmentation.GetNumberOfSegments() == 0:
            segmentation_node.SetSourceRepresentationToBinaryLabelmap()
        for image, voxels in change.erasures:
            voxels_of(image)[voxels] = 0
            image.GetPointData().GetScalars().Modified()
            image.Modified()
        written = tuple(_write(segmentation, part, content, change) for part, content in change.contents)
        if had_surface:
            segmentation.InvalidateNonSourceRepresentations()
            segmentation_node.CreateClosedSurfaceRepresentation()
    finally:
        segmentation_node.EndModify(modifying)
    return written


def check_writable(segmentation_node: Any, segment_ids: Sequence[str]) -> None:
    """Check that segments can take a label map.

    Raises
    ------
    OutputError
        If one of them is gone, or the segmentation is made of something else than label maps.
    """
    segmentation = segmentation_node.GetSegmentation()
    if any(segmentation.GetSegment(name) is None for name in segment_ids):
        raise OutputError(
            _("The segment that takes the result is not there any more; nothing was changed."),
            path=segmentation_node.GetName(),
            remedy=_("Select a segment and run again."),
        )
    source = segmentation.GetSourceRepresentationName()
    if segmentation.GetNumberOfSegments() and source != labelmap_name():
        raise OutputError(
            _("The segments cannot be edited as voxels."),
            expected=labelmap_name(),
            found=source,
            path=segmentation_node.GetName(),
            remedy=_("Make the binary label map the source representation in the Segmentations module."),
        )


def _erasures(
    segmentation_node: Any, layers: Sequence[Layer], written: Sequence[str], overwrite: int, union: Any
) -> Tuple[Tuple[Any, npt.NDArray[np.bool_]], ...]:
    """Return what leaves the images that other segments go on using: the written segments, and others under the result."""
    giving_way = [name for name in _giving_way(segmentation_node, overwrite) if name not in written]
    found = []
    for layer in layers:
        voxels = voxels_of(layer.image)
        if not voxels.size or set(layer.values) <= set(written):
            continue
        leaving = layer.table(written)[voxels]
        yielding = layer.table(giving_way)
        if yielding.any():
            leaving |= yielding[voxels] & (onto(layer.image, union) > 0)
        if leaving.any():
            found.append((layer.image, leaving))
    return tuple(found)


def _giving_way(segmentation_node: Any, overwrite: int) -> Tuple[str, ...]:
    modes = slicer.vtkMRMLSegmentEditorNode
    if overwrite == modes.OverwriteNone:
        return ()
    if overwrite == modes.OverwriteVisibleSegments:
        return visible(segmentation_node)
    return tuple(segmentation_node.GetSegmentation().GetSegmentIDs())


def _write(segmentation: Any, part: Part, content: Content, change: Change) -> str:
    identifier = part.segment_id
    segment: Any = part.segment if identifier is None else segmentation.GetSegment(identifier)
    if identifier is not None:
        set_algorithm(segment, change.student)
        if identifier in change.mixed:
            segment.SetTag("DICOM.SegmentAlgorithmType", "SEMIAUTOMATIC")
    _in_progress(segment)
    segment.RemoveAllRepresentations()
    segment.SetLabelValue(content.value or 1)
    content.image.Modified()  # younger than the saved state, else Slicer's undo history takes it for unchanged
    segment.AddRepresentation(labelmap_name(), content.image)
    if identifier is None:
        identifier = segmentation.GenerateUniqueSegmentID(part.name)
        segmentation.AddSegment(segment, identifier)
    return str(identifier)


def _in_progress(segment: Any) -> None:
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if logic.GetSegmentStatus(segment) == logic.NotStarted:
        logic.SetSegmentStatus(segment, logic.InProgress)
