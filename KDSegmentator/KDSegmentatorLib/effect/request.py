"""What the user asked for when Apply was pressed; later changes in the editor do not touch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

import slicer
from kdseg.errors import ChannelError, InputError
from KDSegmentatorLib.effect.editable import Masking
from KDSegmentatorLib.effect.grid import Extent
from KDSegmentatorLib.effect.paste import check_writable
from KDSegmentatorLib.effect.region import box_of, extent_in_volume
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import ijk_to_ras
from KDSegmentatorLib.students import InstalledStudent


@dataclass(frozen=True)
class EffectRequest:
    """One use of the effect.

    Attributes
    ----------
    segmentation_node, volume_node
        The editor's segmentation and source volume.
    student
        The installed student.
    structure
        Label value of the structure that goes into :attr:`segment_id`; None takes all structures into segments of their names.
    segment_id
        The segment that takes the structure; empty with all structures.
    masking, overwrite
        As set in the editor.
    extent
        The part of the volume that the student sees, around the region of interest; None for the whole volume.
    ijk_to_ras
        Where the volume lay, shape (4, 4).
    """

    segmentation_node: Any
    volume_node: Any
    student: InstalledStudent
    structure: Optional[int]
    segment_id: str
    masking: Masking
    overwrite: int
    extent: Optional[Extent]
    ijk_to_ras: npt.NDArray[np.float64]


def request_from_editor(
    editor_node: Any, student: Optional[InstalledStudent], structure: Optional[int] = None, roi_node: Optional[Any] = None
) -> EffectRequest:
    """Read a request from the editor's parameter node, and check everything that can be known before the run.

    Parameters
    ----------
    editor_node
        The editor's ``vtkMRMLSegmentEditorNode``.
    student
        The chosen student.
    structure
        Label value of the only structure that is wanted, for the selected segment; None for all structures.
    roi_node
        A ``vtkMRMLMarkupsROINode``; None for the whole volume.

    Raises
    ------
    InputError
        If volume, segmentation, segment or student are missing, or the region of interest cannot be used.
    OutputError
        If the segmentation cannot be edited as voxels.
    """
    segmentation_node, volume_node = editor_node.GetSegmentationNode(), editor_node.GetSourceVolumeNode()
    if segmentation_node is None:
        raise InputError(_("No segmentation is chosen."), remedy=_("Choose or make one at the top of the Segment Editor."))
    if volume_node is None or volume_node.GetImageData() is None:
        raise InputError(_("No source volume is chosen."), remedy=_("Choose it at the top of the Segment Editor."))
    if student is None:
        raise InputError(_("No student is chosen."), remedy=_("Choose one, or add one in the module KDSegmentator."))
    _check_channels(student)
    segment_id = (editor_node.GetSelectedSegmentID() or "") if structure is not None else ""
    if structure is not None and not segment_id:
        raise InputError(
            _("No segment is selected."), remedy=_("Select the segment that takes the structure, or choose all structures.")
        )
    check_writable(segmentation_node, [segment_id] if segment_id else [])
    box = None if roi_node is None else box_of(roi_node)
    return EffectRequest(
        segmentation_node=segmentation_node,
        volume_node=volume_node,
        student=student,
        structure=structure,
        segment_id=segment_id,
        masking=Masking(
            mode=editor_node.GetMaskMode(),
            segment_id=_mask_segment(editor_node),
            intensities=_intensities(editor_node),
            box=box,
        ),
        overwrite=editor_node.GetOverwriteMode(),
        extent=None if box is None else extent_in_volume(box, volume_node),
        ijk_to_ras=ijk_to_ras(volume_node),
    )


def _check_channels(student: InstalledStudent) -> None:
    channels = student.plan.channel_names
    if len(channels) != 1:
        raise ChannelError(
            _("This student needs several volumes; the Segment Editor has one source volume."),
            expected=_("a student with one channel"),
            found=", ".join(channels),
            remedy=_(
                "Choose another student, or run {name} from the Python console (docs/console.md) or with kdseg segment."
            ).format(name=student.name),
        )


def _mask_segment(editor_node: Any) -> str:
    single = editor_node.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment
    return (editor_node.GetMaskSegmentID() or "") if single else ""


def _intensities(editor_node: Any) -> Any:
    if not editor_node.GetSourceVolumeIntensityMask():
        return None
    lowest, highest = editor_node.GetSourceVolumeIntensityMaskRange()
    return float(lowest), float(highest)
