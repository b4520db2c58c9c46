"""What the numbers of a label map mean: tissue, structure to segment, and the label on the other side of the body."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Dict, List, Literal, Mapping, Optional, Tuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.config_file import read_settings
from kdseg_training.synthesis.settings import Bounds

BACKGROUND = 0
"""Label, tissue and class of what is no tissue."""

MOST_LABELS = 120
"""Different labels of one anatomy; prepared label maps are stored in bytes, and mixed tissues need a second half."""

Kind = Literal["white", "grey", "fluid", "other"]


class _Settings(BaseModel):
    GUIDE: ClassVar[str] = "docs/synthesis.md"

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class TissueSettings(_Settings):
    """One tissue: voxels that look alike.

    Attributes
    ----------
    t1
        Range of its mean in a T1-weighted image, where cerebral white matter is about 0.8.
    kind
        Tissues of a kind look similar in ``related`` contrasts.
    void
        Gives no signal whatever the contrast: air, cortical bone.
    texture
        Factor for the deviation within the tissue.
    """

    t1: Bounds
    kind: Kind = "other"
    void: bool = False
    texture: float = Field(default=1.0, ge=0)


class LabelSettings(_Settings):
    """One label of the maps.

    Attributes
    ----------
    label
        Its number.
    tissue
        How it looks.
    mixed_with
        A second tissue that makes up part of it, in patches: fat between muscles.
    structure
        What it is segmented as; none: background.
    mirror
        The same on the other side; none: itself. Labels of one structure are of one structure on the other side too.
    outside
        Whether skull stripping removes it.
    """

    label: int = Field(ge=1, lt=2**16)
    tissue: str
    mixed_with: Optional[str] = None
    structure: Optional[str] = None
    mirror: Optional[int] = None
    outside: bool = False


class AnatomySettings(_Settings):
    """The file that describes label maps.

    Attributes
    ----------
    structures
        Names in the order of the classes, which count from 1.
    tissues, labels
        See there. Label 0 is background.
    """

    structures: List[str] = Field(min_length=1)
    tissues: Dict[str, TissueSettings] = Field(min_length=1)
    labels: List[LabelSettings] = Field(min_length=1, max_length=MOST_LABELS)

    @model_validator(mode="after")
    def _fits_together(self) -> AnatomySettings:
        by_label = {entry.label: entry for entry in self.labels}
        if len(by_label) != len(self.labels):
            raise ValueError("labels: a number stands twice")
        for name in sorted({name for name in self.structures if self.structures.count(name) > 1}):
            raise ValueError(f"structures: {name} stands twice")
        used = {entry.structure for entry in self.labels}
        for name in self.structures:
            if name not in used:
                raise ValueError(f"structures: no label is {name}")
        for entry in self.labels:
            for tissue in (entry.tissue, entry.mixed_with):
                if tissue is not None and tissue not in self.tissues:
                    raise ValueError(f"label {entry.label}: there is no tissue {tissue}")
            if entry.structure is not None and entry.structure not in self.structures:
                raise ValueError(f"label {entry.label}: there is no structure {entry.structure}")
            if entry.mirror is not None:
                other = by_label.get(entry.mirror)
                if other is None or other.mirror != entry.label:
                    raise ValueError(f"label {entry.label}: its mirror {entry.mirror} does not name it in turn")
                if (other.tissue, other.mixed_with, other.outside) != (entry.tissue, entry.mixed_with, entry.outside):
                    raise ValueError(f"labels {entry.label} and {entry.mirror}: the two sides differ in tissue or outside")
        self._require_other_sides(by_label)
        return self

    def _require_other_sides(self, by_label: Mapping[int, LabelSettings]) -> None:
        """Refuse a structure that is not one and the same structure on the other side: a left without its right."""
        for name in self.structures:
            mirrors = [by_label[e.label if e.mirror is None else e.mirror] for e in self.labels if e.structure == name]
            others = sorted({mirror.structure or "background" for mirror in mirrors})
            if len(others) > 1 or mirrors[0].structure is None:
                raise ValueError(
                    f"structure {name}: on the other side its labels are {' and '.join(others)}: expected one structure"
                )


@dataclass(frozen=True)
class Tissue:
    """See :class:`TissueSettings`; entry 0 of an anatomy's tissues is background."""

    name: str
    t1: Tuple[float, float]
    kind: Kind
    void: bool
    texture: float


@dataclass(frozen=True)
class Anatomy:
    """Label maps in compact form: voxels hold the position of their label in :attr:`labels`.

    Attributes
    ----------
    labels
        Numbers in the files, ascending; the first is 0, background.
    structures
        Names of the classes 1, 2, …
    tissues
        The first is background.
    tissue, mixed
        Position in ``tissues`` for each label; ``mixed`` is the second tissue, equal to ``tissue`` where there is none.
    target
        Class of each label, 0 for background.
    mirror
        Position of the label on the other side.
    outside
        Whether skull stripping removes the label; true for background.
    """

    labels: Tuple[int, ...]
    structures: Tuple[str, ...]
    tissues: Tuple[Tissue, ...]
    tissue: Tuple[int, ...]
    mixed: Tuple[int, ...]
    target: Tuple[int, ...]
    mirror: Tuple[int, ...]
    outside: Tuple[bool, ...]

    def compact(self, values: npt.NDArray[np.integer], source: Path) -> npt.NDArray[np.uint8]:
        """Return positions in :attr:`labels`, uint8, of the same shape.

        Raises
        ------
        TrainingDataError
            If a label is not described.
        """
        known = np.asarray(self.labels)
        present = np.unique(values)
        unknown = [int(value) for value in np.setdiff1d(present, known)]
        if unknown:
            raise TrainingDataError(
                "The label map has labels that the anatomy does not describe.",
                expected=f"labels of the anatomy, {len(known)} in all",
                found=", ".join(map(str, unknown[:10])),
                path=source,
                remedy="Describe them in the anatomy file.",
            )
        return np.searchsorted(known, values).astype(np.uint8)

    @property
    def class_mirror(self) -> Tuple[int, ...]:
        """Class on the other side, for each class from 0 on."""
        result = list(range(len(self.structures) + 1))
        for position, target in enumerate(self.target):
            if target:
                result[target] = self.target[self.mirror[position]]
        return tuple(result)


def read_anatomy(path: Path) -> Anatomy:
    """Read an anatomy file.

    Raises
    ------
    ConfigurationError
        If it is missing, not YAML, or contradicts itself.
    """
    return build_anatomy(read_settings(path, AnatomySettings))


def build_anatomy(settings: AnatomySettings) -> Anatomy:
    """Turn checked settings into tables."""
    entries = sorted(settings.labels, key=lambda entry: entry.label)
    position = {BACKGROUND: 0, **{entry.label: i for i, entry in enumerate(entries, start=1)}}
    tissues = [Tissue("background", (0.0, 0.0), "other", True, 1.0)]
    tissues += [Tissue(name, t.t1, t.kind, t.void, t.texture) for name, t in settings.tissues.items()]
    number = {tissue.name: i for i, tissue in enumerate(tissues)}
    classes = {name: i for i, name in enumerate(settings.structures, start=1)}
    return Anatomy(
        labels=tuple(position),
        structures=tuple(settings.structures),
        tissues=tuple(tissues),
        tissue=(0, *(number[entry.tissue] for entry in entries)),
        mixed=(0, *(number[entry.mixed_with or entry.tissue] for entry in entries)),
        target=(0, *(classes[entry.structure] if entry.structure else 0 for entry in entries)),
        mirror=(0, *(position[entry.label if entry.mirror is None else entry.mirror] for entry in entries)),
        outside=(True, *(entry.outside for entry in entries)),
    )
