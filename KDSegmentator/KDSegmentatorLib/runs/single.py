"""The segmentation of one volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import transform_note
from KDSegmentatorLib.mrml.nodes import require_node
from KDSegmentatorLib.mrml.segmentations import read_content, show
from KDSegmentatorLib.runs.job import VolumeJob
from KDSegmentatorLib.runs.run import Callbacks, Run, tell
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.sources import NodeSource


class SegmentationRun(Run):
    """One volume of the scene becomes one segmentation of the scene.

    Attributes
    ----------
    segmentationNode
        The result; None until, and unless, the run succeeded.
    notFound
        Names of the structures that were looked for and not found.
    """

    def __init__(
        self, source: NodeSource, settings: RunSettings, callbacks: Callbacks, segmentation_node: Optional[Any] = None
    ) -> None:
        if segmentation_node is not None:
            require_node(
                segmentation_node, "vtkMRMLSegmentationNode", _("The result cannot go into this; it needs a segmentation.")
            )
        super().__init__(callbacks)
        self.segmentationNode: Optional[Any] = None
        self.notFound: Tuple[str, ...] = ()
        self._volume_node = source.volume_nodes[0]
        self._target, self._settings = segmentation_node, settings
        self._job = VolumeJob(
            source, settings, take=self._take, on_event=lambda message: tell(callbacks, message), on_finished=self._end
        )

    def start(self) -> None:
        """Start; raises what :meth:`VolumeJob.start` raises, and then nothing was started."""
        if self._job is not None:
            self._job.start()
        self.notes = tuple(note for note in (transform_note(self._volume_node),) if note)

    def _take(self, labels_path: Path, _report: Mapping[str, Any]) -> None:
        require_in_scene(self._volume_node)
        content = read_content(
            labels_path,
            self._settings.student.entries,
            self._volume_node,
            self._settings.structures,
            student=self._settings.student_title,
        )
        target = self._target if self._target is not None and self._target.GetScene() is not None else None
        self.segmentationNode = show(content, self._volume_node, target)
        self.notFound = content.not_found


def require_in_scene(volume_node: Any) -> None:
    """Raise InputError if the volume left the scene while it was segmented."""
    if volume_node.GetScene() is None:
        raise InputError(
            _("The volume was removed while it was segmented."),
            path=volume_node.GetName(),
            remedy=_("Load it again and start the segmentation again."),
        )
