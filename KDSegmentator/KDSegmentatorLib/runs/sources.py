"""Where the voxels of a job come from: nodes of the scene, or files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, List, Sequence, Tuple, Union

from kdseg.cli.cases import find_cases
from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.nodes import class_of, name_of
from KDSegmentatorLib.mrml.volumes import check_channels, export_volumes
from KDSegmentatorLib.runs.settings import RunSettings


@dataclass(frozen=True)
class NodeSource:
    """Volume nodes, one for each channel; the first gives the grid, the transform and the place of the result."""

    volume_nodes: Tuple[Any, ...]

    @property
    def name(self) -> str:
        """What errors and messages call it."""
        return ", ".join(name_of(node) for node in self.volume_nodes)

    def check(self, settings: RunSettings) -> None:
        """Raise InputError if a node cannot be segmented by the student; nothing is written."""
        check_channels(self.volume_nodes)
        settings.check_channels(len(self.volume_nodes), self.name)

    def paths(self, folder: Path) -> Tuple[Path, ...]:
        """Write the volumes to a private folder and return the files."""
        return export_volumes(self.volume_nodes, folder)


@dataclass(frozen=True)
class FileSource:
    """Files of one case, one for each channel, or the folder of a DICOM series."""

    name: str
    files: Tuple[Path, ...]

    def check(self, settings: RunSettings) -> None:
        """Raise ChannelError if the student takes another number of files."""
        settings.check_channels(len(self.files), self.name)

    def paths(self, folder: Path) -> Tuple[Path, ...]:
        """Return the files as they are; the child process reads them itself."""
        return tuple(path.absolute() for path in self.files)


Source = Union[NodeSource, FileSource]


def node_source(volume_node: Union[Any, Sequence[Any]]) -> NodeSource:
    """Return the source for a node, or for a list of nodes, one for each channel."""
    return NodeSource(tuple(volume_node) if isinstance(volume_node, (list, tuple)) else (volume_node,))


def sources_of(volumes: Any, channels: int) -> Tuple[Source, ...]:
    """Return the cases of a queue.

    Parameters
    ----------
    volumes
        Nodes, lists of nodes, or paths of files and folders, as the console API takes them.
    channels
        Number of channels of the student.

    Raises
    ------
    InputError
        If there is none, files and nodes are mixed, or a path holds no image.
    ChannelError
        If the files of a case are not as many as the channels.
    """
    single = isinstance(volumes, (str, os.PathLike)) or hasattr(volumes, "IsA")
    if not single and not isinstance(volumes, Iterable):
        raise InputError(
            _("This cannot be queued."),
            expected=_("volume nodes, or the path of a file or a folder, or a list of paths"),
            found=class_of(volumes),
            remedy=_("Choose volumes or a folder."),
        )
    items: List[Any] = [volumes] if single else list(volumes)
    if not items:
        raise InputError(_("The queue is empty."), expected=_("at least one volume"), remedy=_("Choose volumes or a folder."))
    paths = [isinstance(item, (str, os.PathLike)) for item in items]
    if not any(paths):
        return tuple(node_source(item) for item in items)
    if not all(paths):
        raise InputError(_("The queue mixes files and nodes."), remedy=_("Make a queue for each of them."))
    return tuple(FileSource(case.name, case.paths) for case in find_cases([os.fspath(item) for item in items], channels))
