"""Where the cases of a queue can come from: the scene, a folder, a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel import facts
from KDSegmentatorLib.panel.facts import volumes
from KDSegmentatorLib.presentation.batch import CaseState, Source
from KDSegmentatorLib.presentation.readiness import VolumeFacts, modality_doubt
from KDSegmentatorLib.runs.result_files import file_names


@dataclass(frozen=True)
class BatchSource:
    """One line of the list of sources: what it is, what identifies it, its words, and its sequence node."""

    source: Source
    key: str
    text: str
    node: Optional[Any] = None

    def cases(self, folder: str) -> Tuple[Tuple[str, str, Any], ...]:
        """Return key, name and item of every case; an item is a volume node, a tuple of paths, or the index of a frame.

        Raises
        ------
        KDSegError
            If a folder cannot be listed.
        """
        if self.source is Source.VOLUMES:
            return tuple((node.GetID(), node.GetName(), node) for node in volumes())
        if self.source is Source.FOLDER:
            return _cases_in(folder)
        count = self.node.GetNumberOfDataNodes() if self.node is not None else 0
        return tuple((f"{self.key}/{i}", self._frame_name(i), i) for i in range(count))

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


def frame_states(count: int, run: Any) -> Tuple[str, ...]:
    """Return the state of every frame of a sequence; without all of them there is no result, so none is kept."""
    done = 0 if run is None else run.framesDone
    state = CaseState.RUNNING.value if run is None else run.state
    before, here, after = {
        CaseState.RUNNING.value: (CaseState.SUCCEEDED, CaseState.RUNNING, CaseState.RUNNING),
        CaseState.SUCCEEDED.value: (CaseState.SUCCEEDED, CaseState.SUCCEEDED, CaseState.SUCCEEDED),
        CaseState.FAILED.value: (CaseState.DISCARDED, CaseState.FAILED, CaseState.STOPPED),
        CaseState.STOPPED.value: (CaseState.DISCARDED, CaseState.STOPPED, CaseState.STOPPED),
    }[state]
    return tuple((before if i < done else here if i == done else after).value for i in range(count))


def row_names(names: Sequence[str], wanted: Sequence[bool]) -> Tuple[str, ...]:
    """Return what the rows are called: as the volumes are, and as their files will be where two have the same name."""
    stems = iter(file_names([name for name, is_wanted in zip(names, wanted) if is_wanted]))
    found = []
    for name, is_wanted in zip(names, wanted):
        stem = next(stems) if is_wanted else ""
        found.append(name if not stem or [stem] == file_names([name]) else stem)
    return tuple(found)


def modality_doubts(source: BatchSource, items: Sequence[Any], student: Any) -> Tuple[Tuple[str, str], ...]:
    """Return name and warning of every loaded volume, or of the sequence, whose modality is not the student's."""
    nodes = {Source.VOLUMES: tuple(items), Source.SEQUENCE: (source.node,)}.get(source.source, ())
    student_facts = facts.student_facts(student)
    found = []
    for node in nodes:
        volume = VolumeFacts(node.GetName(), (0, 0, 0), modality=facts.modality_of(node))
        doubt = modality_doubt(volume, student_facts)
        if doubt:
            found.append((node.GetName(), doubt))
    return tuple(found)


def _cases_in(folder: str) -> Tuple[Tuple[str, str, Any], ...]:
    if not folder:
        return ()
    from kdseg.cli.cases import find_cases

    return tuple(("|".join(map(str, case.paths)), case.name, tuple(case.paths)) for case in find_cases([folder], 1))
