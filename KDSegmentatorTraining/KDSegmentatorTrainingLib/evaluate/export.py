"""Two nodes of the scene as pairs of label maps for the child: matched structures have one value in both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from KDSegmentatorLib.effect.grid import onto, shape_of
from KDSegmentatorLib.effect.layers import Layer
from KDSegmentatorLib.mrml.volumes import write_nrrd
from KDSegmentatorTrainingLib.evaluate.grids import CommonGrid, lps_geometry
from KDSegmentatorTrainingLib.evaluate.matching import MatchedStructure
from KDSegmentatorTrainingLib.evaluate.sources import layers

Labels = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class ExportedPair:
    """What was written.

    Attributes
    ----------
    prediction, reference
        Folders with one label map of the same name for each sheet.
    sheets
        The values of each sheet, by its name. Structures that overlap stand on different sheets.
    labels
        Name of each structure by its value.
    """

    prediction: Path
    reference: Path
    sheets: Dict[str, FrozenSet[int]]
    labels: Dict[int, str]


@dataclass
class _Sheet:
    prediction: Labels
    reference: Labels
    values: List[int]


def export_pair(
    prediction: Any, reference: Any, structures: Sequence[MatchedStructure], common: CommonGrid, folder: Path
) -> ExportedPair:
    """Write the matched structures of two nodes to two folders below ``folder``; they are numbered from 1 in order.

    Raises
    ------
    OutputError
        If a file cannot be written, or Slicer cannot resample an image.
    """
    sheets = _sheets(prediction, reference, structures, common)
    ours, theirs = folder / "prediction", folder / "reference"
    steps, origin = lps_geometry(common.grid)
    names: Dict[str, FrozenSet[int]] = {}
    for place in (ours, theirs):
        place.mkdir()
    for index, sheet in enumerate(sheets):
        name = f"sheet_{index}"
        write_nrrd(ours / f"{name}.nrrd", sheet.prediction, steps, origin)
        write_nrrd(theirs / f"{name}.nrrd", sheet.reference, steps, origin)
        names[name] = frozenset(sheet.values)
    return ExportedPair(ours, theirs, names, {number: s.name for number, s in enumerate(structures, start=1)})


def _sheets(prediction: Any, reference: Any, structures: Sequence[MatchedStructure], common: CommonGrid) -> List[_Sheet]:
    """Return as few sheets as the overlaps allow.

    Structures that share an image in both nodes cannot overlap and are painted together.
    """
    ours, theirs = layers(prediction), layers(reference)
    sheets: List[_Sheet] = []
    for (first, second), members in _groups(ours, theirs, structures).items():
        painted = (
            _painted(ours, first, {s.prediction.key: n for n, s in members if s.prediction}, common, moved=True),
            _painted(theirs, second, {s.reference.key: n for n, s in members}, common, moved=False),
        )
        _add(sheets, painted, [number for number, _structure in members])
    return sheets


def _groups(
    ours: Sequence[Layer], theirs: Sequence[Layer], structures: Sequence[MatchedStructure]
) -> Dict[Tuple[int, int], List[Tuple[int, MatchedStructure]]]:
    groups: Dict[Tuple[int, int], List[Tuple[int, MatchedStructure]]] = {}
    for number, structure in enumerate(structures, start=1):
        key = None if structure.prediction is None else structure.prediction.key
        place = _layer_of(ours, key), _layer_of(theirs, structure.reference.key)
        groups.setdefault(place, []).append((number, structure))
    return groups


def _layer_of(of: Sequence[Layer], key: Optional[str]) -> int:
    """Return which image holds a segment; -1 for one that holds nothing."""
    return next((index for index, layer in enumerate(of) if key in layer.values), -1)


def _painted(of: Sequence[Layer], index: int, numbers: Dict[str, int], common: CommonGrid, *, moved: bool) -> Labels:
    """Return the numbers of the segments on the common grid, 0 elsewhere."""
    if index < 0:
        return np.zeros(shape_of(common.grid.GetExtent()), dtype=np.uint16)
    layer = of[index]
    voxels = onto(common.grid, layer.image, transform=common.transform if moved else None)
    table = np.zeros(max(int(voxels.max(initial=0)), *layer.values.values()) + 1, dtype=np.uint16)
    for key, number in numbers.items():
        table[layer.values[key]] = number
    painted: Labels = table[voxels]
    return painted


def _add(sheets: List[_Sheet], painted: Tuple[Labels, Labels], values: List[int]) -> None:
    """Put what was painted on the first sheet where it covers nothing, or on a new one."""
    for sheet in sheets:
        pairs = ((sheet.prediction, painted[0]), (sheet.reference, painted[1]))
        if not any(np.any((there > 0) & (new > 0)) for there, new in pairs):
            for there, new in pairs:
                np.copyto(there, new, where=new > 0)
            sheet.values.extend(values)
            return
    sheets.append(_Sheet(*painted, list(values)))
