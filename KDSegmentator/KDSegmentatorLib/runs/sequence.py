"""The segmentation of a 4-D volume, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional

from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.outcome import Failed, Outcome, Stopped, Succeeded
from KDSegmentatorLib.mrml.nodes import require_node
from KDSegmentatorLib.mrml.segmentations import read_content
from KDSegmentatorLib.mrml.sequences import SegmentationFrames, frames
from KDSegmentatorLib.runs.job import VolumeJob
from KDSegmentatorLib.runs.run import Callbacks, ChainRun
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.single import require_in_scene
from KDSegmentatorLib.runs.sources import NodeSource


class SequenceRun(ChainRun):
    """Every frame is segmented; the result is shown when all of them are complete, and not at all if one fails.

    Attributes
    ----------
    segmentationSequenceNode
        The result; None until, and unless, the run succeeded.
    framesDone
        Number of frames that were computed so far; a frame that failed is the one with this index.
    """

    def __init__(
        self, sequence_node: Any, settings: RunSettings, callbacks: Callbacks, segmentation_sequence_node: Optional[Any] = None
    ) -> None:
        self._frames = frames(sequence_node)
        if segmentation_sequence_node is not None:
            problem = _("The result cannot go into this; it needs a sequence.")
            require_node(segmentation_sequence_node, "vtkMRMLSequenceNode", problem)
        unit = sequence_node.GetIndexUnit() or ""
        super().__init__([f"{sequence_node.GetName()} {f.index_value} {unit}".strip() for f in self._frames], callbacks)
        self.segmentationSequenceNode: Optional[Any] = None
        self.framesDone = 0
        self._sequence, self._settings, self._target = sequence_node, settings, segmentation_sequence_node
        self._result = SegmentationFrames(sequence_node)
        for frame in self._frames:
            NodeSource((frame.volume_node,)).check(settings)

    def _make_job(self, index: int) -> VolumeJob:
        frame = self._frames[index]

        def take(labels_path: Path, _report: Mapping[str, Any]) -> None:
            entries, structures = self._settings.student.entries, self._settings.structures
            title = self._settings.student_title
            self._result.add(frame, read_content(labels_path, entries, frame.volume_node, structures, student=title))

        source = NodeSource((frame.volume_node,))
        return VolumeJob(source, self._settings, take=take, on_event=self._event, on_finished=self._finished)

    def _job_ended(self, index: int, outcome: Outcome) -> Optional[Outcome]:
        if isinstance(outcome, Failed):
            return Failed(_of_frame(outcome.error, self._names[index]), outcome.details)
        if isinstance(outcome, Stopped):
            return outcome
        self.framesDone += 1
        return None

    def _all_ended(self) -> Outcome:
        try:
            require_in_scene(self._sequence)
            target = self._target if self._target is not None and self._target.GetScene() is not None else None
            self.segmentationSequenceNode = self._result.show(target)
        except KDSegError as error:
            return Failed(error)
        return Succeeded(None, {"frames": len(self._names)})


def _of_frame(error: KDSegError, name: str) -> KDSegError:
    """Return the error with the frame named, whatever path it had."""
    KDSegError.__init__(
        error,
        error.problem,
        expected=error.expected,
        found=error.found,
        path=_("frame {name}").format(name=name),
        remedy=error.remedy,
    )
    return error
