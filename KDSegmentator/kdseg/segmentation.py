"""The result of a run: labels on the grid of the input, with names, colours, terminology and a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.geometry import Geometry


@dataclass(frozen=True)
class Code:
    """A coded concept of a terminology, for example (SCT, 85756007, Tissue)."""

    scheme: str
    value: str
    meaning: str

    def __post_init__(self) -> None:
        if not (self.scheme and self.value and self.meaning):
            raise ValueError(f"a code needs scheme, value and meaning, found {(self.scheme, self.value, self.meaning)}")


@dataclass(frozen=True)
class LabelEntry:
    """One structure.

    Attributes
    ----------
    value
        Its integer in the label map, at least 1 (0 is background and has no entry).
    name
        Its name for people.
    color
        Red, green, blue, each 0 to 255.
    category, type, type_modifier, region, region_modifier
        DICOM segment property codes, as in Slicer's terminology; category and type are always there.
    """

    value: int
    name: str
    color: Tuple[int, int, int]
    category: Code
    type: Code
    type_modifier: Optional[Code] = None
    region: Optional[Code] = None
    region_modifier: Optional[Code] = None


@dataclass(frozen=True)
class Segmentation:
    """Labels on the input's grid.

    Attributes
    ----------
    labels
        Integer array of shape (z, y, x), uint8 or uint16; 0 is background.
    geometry
        The grid of the input volume.
    entries
        One entry for each structure the student knows, in the order of their values; also of those not found.
    report
        Plain data for JSON: student, digests, versions, hardware, engine and why, threads, memory, seconds per stage,
        volumes in ml.
    """

    labels: npt.NDArray[Any]
    geometry: Geometry
    entries: Tuple[LabelEntry, ...]
    report: Dict[str, Any] = field(default_factory=dict)

    def volumes_ml(self) -> Dict[str, float]:
        """Return the volume of every structure in millilitres, by name; 0.0 where it was not found."""
        length = max((e.value for e in self.entries), default=0) + 1
        counts = sum(
            (np.bincount(plane.ravel(), minlength=length)[:length] for plane in self.labels), np.zeros(length, dtype=int)
        )
        return {e.name: float(counts[e.value]) * self.geometry.voxel_volume_ml for e in self.entries}
