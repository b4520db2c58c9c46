"""Which voxels may change: the Segment Editor's masking, and the region of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

import slicer
from kdseg.errors import OutputError
from KDSegmentatorLib.effect.grid import onto, shape_of, transform_between
from KDSegmentatorLib.effect.layers import layers_of, occupied
from KDSegmentatorLib.effect.region import Box, inside
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix


@dataclass(frozen=True)
class Masking:
    """The masking that is set in the Segment Editor.

    Attributes
    ----------
    mode
        One of ``vtkMRMLSegmentationNode.EditAllowed…``.
    segment_id
        The segment of "inside single segment"; empty otherwise.
    intensities
        Lowest and highest intensity of the source volume where voxels may change, both included; None for any.
    box
        The region of interest; None for none.
    """

    mode: int
    segment_id: str = ""
    intensities: Optional[Tuple[float, float]] = None
    box: Optional[Box] = None

    @property
    def everywhere(self) -> bool:
        """Tell whether every voxel may change."""
        free = slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
        return self.mode == free and self.intensities is None and self.box is None


def editable_voxels(
    segmentation_node: Any, volume_node: Any, grid: Any, masking: Masking, edited: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Return the voxels that may change, shape (k, j, i) of ``grid``.

    Parameters
    ----------
    segmentation_node, volume_node
        The Segment Editor's segmentation and source volume.
    grid
        From :func:`KDSegmentatorLib.effect.grid.editor_grid`.
    masking
        What limits the editable area.
    edited
        IDs of the segments that are changed: they are no obstacle to themselves in the modes "outside …".

    Raises
    ------
    OutputError
        If the segment that limits the editable area is gone.
    """
    allowed = _by_segments(segmentation_node, grid, masking, edited)
    if masking.intensities is not None:
        between = transform_between(volume_node, segmentation_node)
        background = volume_node.GetImageBackgroundScalarComponentAsDouble(0)
        values = onto(grid, _oriented(volume_node), linear=True, transform=between, background=background)
        lowest, highest = masking.intensities
        allowed &= (values >= lowest) & (values <= highest)
    if masking.box is not None:
        allowed &= inside(masking.box, grid, segmentation_node)
    return allowed


def _by_segments(segmentation_node: Any, grid: Any, masking: Masking, edited: Sequence[str]) -> npt.NDArray[np.bool_]:
    node_class = slicer.vtkMRMLSegmentationNode
    everyone = tuple(segmentation_node.GetSegmentation().GetSegmentIDs())
    if masking.mode == node_class.EditAllowedEverywhere:
        return np.ones(shape_of(grid.GetExtent()), dtype=bool)
    if masking.mode == node_class.EditAllowedInsideSingleSegment and masking.segment_id not in everyone:
        raise OutputError(
            _("The segment that limits the editable area is not there any more; nothing was changed."),
            path=segmentation_node.GetName(),
            remedy=_("Choose another editable area under Masking and run again."),
        )
    inside_mode, members = {
        node_class.EditAllowedInsideSingleSegment: (True, (masking.segment_id,)),
        node_class.EditAllowedInsideAllSegments: (True, everyone),
        node_class.EditAllowedInsideVisibleSegments: (True, visible(segmentation_node)),
        node_class.EditAllowedOutsideAllSegments: (False, everyone),
        node_class.EditAllowedOutsideVisibleSegments: (False, visible(segmentation_node)),
    }[masking.mode]
    layers = layers_of(segmentation_node)
    if inside_mode:
        return occupied(layers, members, grid)
    return ~occupied(layers, [member for member in members if member not in edited], grid)


def _oriented(volume_node: Any) -> Any:
    """Return the image of a volume in the volume's own frame; the voxels are shared, not copied."""
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(volume_node.GetImageData())
    image.SetImageToWorldMatrix(vtk_matrix(ijk_to_ras(volume_node)))
    return image


def visible(segmentation_node: Any) -> Tuple[str, ...]:
    """Return the IDs of the segments that are shown; all of them if the segmentation has no display settings."""
    display, everyone = segmentation_node.GetDisplayNode(), tuple(segmentation_node.GetSegmentation().GetSegmentIDs())
    if display is None:
        return everyone
    return tuple(member for member in everyone if display.GetSegmentVisibility(member))
