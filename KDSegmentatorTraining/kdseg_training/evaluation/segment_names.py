"""Names of segments in Slicer's ``.seg.nrrd``, and structures found by them instead of by their values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Tuple

import numpy as np

from kdseg.errors import InputError, PathLike
from kdseg.io.streams import HashedFile
from kdseg.io.text_header import LineReader
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.settings import EvaluationSettings

if TYPE_CHECKING:
    from kdseg_training.evaluation.label_files import LabelFile

_FIELD = re.compile(r"Segment(\d+)_(Name|LabelValue|Layer):=(.*)")


def segment_names(path: PathLike) -> Dict[int, str]:
    """Return the name of each segment of a ``.seg.nrrd`` file by its value; nothing for files of other names.

    Raises
    ------
    VolumeFileError
        If the header is damaged.
    InputError
        If there are several layers, which a label map cannot hold.
    """
    path = Path(path)
    if not path.name.lower().endswith(".seg.nrrd"):
        return {}
    fields: Dict[str, Dict[str, str]] = {}
    with open(path, "rb") as file:
        lines = LineReader(HashedFile(file, path.stat().st_size, str(path)))
        for line in iter(lines.line, ""):
            match = _FIELD.fullmatch(line)
            if match:
                fields.setdefault(match[1], {})[match[2]] = match[3]
    named = [entry for entry in fields.values() if entry.get("LabelValue", "").isdigit() and "Name" in entry]
    names = {int(entry["LabelValue"]): _unescaped(entry["Name"]) for entry in named}
    layers = {entry.get("Layer", "0") for entry in named}
    if len(names) != len(named) or len(layers) > 1:
        raise _layered(path, f"{len(named)} segments in {len(layers)} layers")
    return names


def _layered(path: Path, found: str) -> InputError:
    return InputError(
        "The segmentation has several layers: its segments overlap, or were saved as if they might.",
        expected="one layer, in which every segment has a value of its own",
        found=found,
        path=path,
        remedy="In Slicer, export the segmentation to a label map (Segmentations, Export), or collapse its layers and save "
        "again.",
    )


def by_name(file: LabelFile, settings: EvaluationSettings) -> Tuple[Segmentation, List[str]]:
    """Return the labels with every named segment at the value of the structure of its name, and what is worth telling.

    Segments of other names keep their values. Upper and lower case, blanks, hyphens and underscores do not matter.

    Raises
    ------
    InputError
        If a segment of another name has the value of a structure that was found by name.
    """
    wanted = {_plain(name): label for label, name in settings.labels.items() if label not in settings.regions}
    table = {value: wanted.get(_plain(name), value) for value, name in file.names.items()}
    notes = [
        f"{file.path}: the segment '{file.names[value]}' counts as '{settings.labels[label]}' by its value {value}"
        for value, label in table.items()
        if label in settings.labels and _plain(file.names[value]) not in wanted
    ]
    if all(value == label for value, label in table.items()):
        return file.segmentation, notes
    if len(set(table.values())) != len(table):
        raise InputError(
            "The segments cannot be told apart: one matches a structure by name and another by value.",
            expected=f"the names {', '.join(settings.labels.values())}",
            found=", ".join(f"{name} ({value})" for value, name in file.names.items()),
            path=file.path,
            remedy="Rename the segments, or export them to a label map with the right values.",
        )
    notes.append(f"{file.path}: segments were matched by their names")
    labels = file.segmentation.labels
    values = np.arange(np.iinfo(labels.dtype).max + 1, dtype=np.uint16)
    for value, label in table.items():
        if value < len(values):
            values[value] = label
    moved = values[labels]
    return replace(file.segmentation, labels=moved.astype(np.uint8) if moved.max() <= 255 else moved), notes


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\\\", "\\")
