"""Where the cases of a queue can come from: the scene, a folder, a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.facts import volumes
from KDSegmentatorLib.presentation.batch import CaseState, Source


@dataclass(frozen=True)
class BatchSource:
    """One line of the list of sources: what it is, what identifies it, its words, and its sequence node."""

    source: Source
    key: str
    text: str
    node: Optional[Any] = None

    def cases(self, folder: str) -> Tuple[Tuple[str, Any], ...]:
        """Return name and item of every case; an item is a volume node, a tuple of paths, or the index of a frame.

        Raises
        ------
        KDSegError
            If a folder cannot be listed.
        """
        if self.source is Source.VOLUMES:
            return tuple((node.GetName(), node) for node in volumes())
        if self.source is Source.FOLDER:
            return _cases_in(folder)
        return tuple((self._frame_name(i), i) for i in range(self.node.GetNumberOfDataNodes())) if self.node else ()

    def _frame_name(self, index: int) -> str:
        if self.node is None:
            return ""
        unit = self.node.GetIndexUnit() or ""
        return f"{self.node.GetName()} {self.node.GetNthIndexValue(index)} {unit}".strip()


def sources() -> Tuple[BatchSource, ...]:
    """Return what can be chosen now: loaded volumes, a folder, and every sequence of volumes in the scene."""
    found = [
        BatchSource(Source.VOLUMES, "volumes", _("Loaded volumes")),
        BatchSource(Source.FOLDER, "folder", _("Images in a folder")),
    ]
    for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode"):
        if node.GetDataNodeClassName() == "vtkMRMLScalarVolumeNode":
            text = _("Sequence “{name}” ({count} volumes)").format(name=node.GetName(), count=node.GetNumberOfDataNodes())
            found.append(BatchSource(Source.SEQUENCE, node.GetID(), text, node))
    return tuple(found)


def frame_states(count: int, current: int, run: Any) -> Tuple[Tuple[str, str], ...]:
    """Return state and problem of every frame of a sequence: all succeed together, or the run tells which one failed."""
    state = CaseState.RUNNING.value if run is None else run.state
    if state == CaseState.RUNNING.value:
        done = [CaseState.SUCCEEDED.value if i < current else state for i in range(count)]
        return tuple((each, "") for each in done)
    problem = "" if run.error is None else run.error.problem
    return tuple((state, problem if i == 0 else "") for i in range(count))


def _cases_in(folder: str) -> Tuple[Tuple[str, Any], ...]:
    if not folder:
        return ()
    from kdseg.cli.cases import find_cases

    return tuple((case.name, tuple(case.paths)) for case in find_cases([folder], 1))
