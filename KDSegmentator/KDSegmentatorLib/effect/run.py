"""A run of the effect: a student works in a child process; its result goes into the editor's segments, or nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Tuple

import numpy as np

from kdseg.errors import GeometryError, OutputError
from KDSegmentatorLib.effect.paste import Change, Part, Result, commit, prepare
from KDSegmentatorLib.effect.region import back_in_place, cut_out
from KDSegmentatorLib.effect.request import EffectRequest
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import ijk_to_ras
from KDSegmentatorLib.mrml.segmentations import NewContent, read_content
from KDSegmentatorLib.runs.job import VolumeJob
from KDSegmentatorLib.runs.run import Callbacks, Run, tell
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.single import require_in_scene
from KDSegmentatorLib.runs.sources import node_source

SAME_PLACE_TOLERANCE_MM = 1e-4
"""A source volume whose voxels moved by more than this during a run is another volume."""


class EffectRun(Run):
    """One use of the effect.

    Parameters
    ----------
    request
        What was asked for.
    settings
        The student and how it is run; its structures are those of the request.
    callbacks
        Whom to tell.
    save_state
        Called once, right before the segments change, so that the editor can take the change back; not called if nothing
        changes.

    Attributes
    ----------
    written
        IDs of the segments that were written.
    emptied
        How many of them hold no voxel now.
    notFound
        Names of the structures without a voxel in the editable area.
    """

    def __init__(
        self, request: EffectRequest, settings: RunSettings, callbacks: Callbacks, save_state: Callable[[], None]
    ) -> None:
        super().__init__(callbacks)
        self.request = request
        self.written: Tuple[str, ...] = ()
        self.emptied = 0
        self.notFound: Tuple[str, ...] = ()
        self._settings, self._save_state = settings, save_state
        self._part = request.volume_node if request.extent is None else cut_out(request.volume_node, request.extent)
        self._job: Optional[VolumeJob] = VolumeJob(
            node_source(self._part),
            settings,
            take=self._take,
            on_event=lambda message: tell(callbacks, message),
            on_finished=self._end,
        )

    def start(self) -> None:
        """Start; raises what :meth:`KDSegmentatorLib.runs.job.VolumeJob.start` raises, and then nothing was started."""
        if self._job is not None:
            self._job.start()

    def _take(self, labels_path: Path, _report: Mapping[str, Any]) -> None:
        request = self.request
        require_in_scene(request.volume_node)
        _require_unmoved(request)
        _require_segmentation(request)
        content = read_content(
            labels_path,
            request.student.entries,
            self._part,
            self._settings.structures,
            student=self._settings.student_title,
        )
        if request.extent is not None:
            back_in_place(content.image, request.extent, request.volume_node)
        result = Result(content.image, parts_of(request, content, self._settings), self._settings.student_title)
        change = prepare(request.segmentation_node, request.volume_node, result, request.masking, request.overwrite)
        self._put_in(change)

    def _put_in(self, change: Change) -> None:
        self.notFound = change.not_found
        if not change.nothing:
            self._save_state()
            self.written = commit(self.request.segmentation_node, change)
            self.emptied = sum(1 for _part, content in change.contents if not content.value)


def parts_of(request: EffectRequest, content: NewContent, settings: RunSettings) -> Tuple[Part, ...]:
    """Say where each structure goes: into the selected segment, into the segment of its name, or into a new one."""
    segmentation = request.segmentation_node.GetSegmentation()
    found = {int(segment.GetLabelValue()): segment for _identifier, segment in content.segments}
    parts = []
    for entry in settings.entries:
        identifier = request.segment_id if request.structure is not None else segmentation.GetSegmentIdBySegmentName(entry.name)
        parts.append(Part(entry.value, entry.name, identifier or None, found.get(entry.value)))
    return tuple(parts)


def _require_segmentation(request: EffectRequest) -> None:
    if request.segmentation_node.GetScene() is None:
        raise OutputError(
            _("The segmentation was removed while the student worked; nothing was changed."),
            path=request.segmentation_node.GetName(),
            remedy=_("Choose another segmentation and run again."),
        )


def _require_unmoved(request: EffectRequest) -> None:
    node = request.volume_node
    if node.GetImageData() is None or not np.allclose(ijk_to_ras(node), request.ijk_to_ras, atol=SAME_PLACE_TOLERANCE_MM):
        raise GeometryError(
            _("The source volume was changed while the student worked; nothing was changed in the segmentation."),
            path=node.GetName(),
            remedy=_("Run again, and leave the volume alone meanwhile."),
        )
