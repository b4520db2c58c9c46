"""Where the voxels of a job come from: nodes of the scene, or files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence, Tuple, Union

from KDSegmentatorLib.mrml.volumes import check_channels, export_volumes
from KDSegmentatorLib.runs.settings import RunSettings


@dataclass(frozen=True)
class NodeSource:
    """Volume nodes, one for each channel; the first gives the grid, the transform and the place of the result."""

    volume_nodes: Tuple[Any, ...]

    @property
    def name(self) -> str:
        """What errors and messages call it."""
        return ", ".join(node.GetName() if node is not None else "" for node in self.volume_nodes)

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
