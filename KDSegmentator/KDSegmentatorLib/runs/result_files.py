"""Results as files: segmentations that Slicer opens, and one table of volumes for all cases."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple

from kdseg.atomic import write_bytes
from kdseg.segmentation import LabelEntry

COLUMNS = ("case", "student", "structure", "label", "voxels", "volume_ml", "status", "message")
"""Columns of the table, in order."""

StructureSize = Tuple[str, int, int, float]
"""Name, label value, number of voxels and volume in millilitres."""


@dataclass(frozen=True)
class CaseRow:
    """One line of the table: one structure of a case, or a case without a result."""

    case: str
    student: str
    structure: str = ""
    label: Optional[int] = None
    voxels: Optional[int] = None
    volume_ml: Optional[float] = None
    status: str = ""
    message: str = ""


def save_segmentation(labels_path: Path, entries: Sequence[LabelEntry], target: Optional[Path]) -> List[StructureSize]:
    """Write a label map as ``.seg.nrrd`` and return how large each structure is, in the order of ``entries``.

    Only structures that were found become segments: Slicer's DICOM SEG export fails on empty ones.

    Parameters
    ----------
    labels_path
        The label map.
    entries
        The structures that were looked for.
    target
        The file; None writes none.

    Raises
    ------
    InputError
        If the label map cannot be read.
    OutputError
        If the file cannot be written; an earlier file of that name is unchanged.
    """
    import numpy as np

    from kdseg.io import write_seg_nrrd
    from kdseg.io.findings import FindingLog
    from kdseg.io.volume_file import read_volume_file
    from kdseg.segmentation import Segmentation

    decoded = read_volume_file(labels_path, FindingLog(strict=True))
    length = max(entry.value for entry in entries) + 1
    counts = sum(
        (np.bincount(plane.ravel(), minlength=length)[:length] for plane in decoded.voxels), np.zeros(length, dtype=int)
    )
    found = tuple(entry for entry in entries if counts[entry.value])
    if target is not None:
        write_seg_nrrd(Segmentation(decoded.voxels, decoded.geometry, found), target)
    voxel_ml = decoded.geometry.voxel_volume_ml
    return [(e.name, e.value, int(counts[e.value]), float(counts[e.value]) * voxel_ml) for e in entries]


def write_volumes_csv(rows: Iterable[CaseRow], path: Path) -> None:
    """Write the table atomically, as UTF-8.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if value is None else value for value in astuple(row)] for row in rows)
    write_bytes(path, text.getvalue().encode("utf-8"))


def file_names(names: Sequence[str]) -> List[str]:
    """Return a file name for each case: without what file systems refuse, and each different, capitals aside."""
    taken: set[str] = set()
    result = []
    for name in names:
        plain = "".join(c if c.isalnum() or c in " -_." else "_" for c in name).strip(" .") or "volume"
        unique, number = plain, 2
        while unique.lower() in taken:
            unique, number = f"{plain}_{number}", number + 1
        taken.add(unique.lower())
        result.append(unique)
    return result
