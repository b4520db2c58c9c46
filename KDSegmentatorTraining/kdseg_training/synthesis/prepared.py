"""The folder that ``kdseg-training synthesize`` prepares: label maps and everything that decides the samples."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple

from pydantic import BaseModel, ConfigDict, Field

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import TrainingDataError
from kdseg_training.distillation.config import digest
from kdseg_training.distillation.config_file import check_settings
from kdseg_training.synthesis.anatomy import Anatomy, AnatomySettings, build_anatomy
from kdseg_training.synthesis.label_map import LabelMap, load_label_map
from kdseg_training.synthesis.settings import Appearance

FOLDER, DESCRIPTION = "synthesis", "synthesis.json"
"""In the folder of the preprocessed data set, and in that folder."""


class PreparedSettings(BaseModel):
    """Content of ``synthesis.json``.

    Attributes
    ----------
    version
        Of this format.
    anatomy, appearance, spacing_mm
        See there.
    training, validation
        Name of each label map and the sha256 of its voxels.
    seed
        Of the images that nnU-Net planned with; None: not kept by the version that prepared them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    anatomy: AnatomySettings
    appearance: Appearance
    spacing_mm: float = Field(gt=0)
    training: Dict[str, str] = Field(min_length=1)
    validation: Dict[str, str] = Field(min_length=1)
    seed: Optional[int] = None

    def digest(self) -> str:
        """Return a sha256 (hex) over all that decides the samples, which the seed of the planning's images does not."""
        return digest(self.model_dump(mode="json", exclude={"seed"}))


@dataclass(frozen=True)
class Prepared:
    """What samples are drawn from.

    Attributes
    ----------
    anatomy, appearance, spacing_mm
        See there.
    training, validation
        Label maps.
    digest
        Of all of it.
    """

    anatomy: Anatomy
    appearance: Appearance
    spacing_mm: float
    training: Tuple[LabelMap, ...]
    validation: Tuple[LabelMap, ...]
    digest: str


def fingerprint(label_map: LabelMap) -> str:
    """Return a sha256 (hex) over shape, spacing and voxels of a compact label map."""
    head = repr((label_map.voxels.shape, label_map.spacing_mm)).encode()
    return hashlib.sha256(head + label_map.voxels.tobytes()).hexdigest()


def write_description(folder: Path, settings: PreparedSettings) -> None:
    """Write ``synthesis.json``, the last file of a prepared folder."""
    content = json.dumps(settings.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_bytes(folder / DESCRIPTION, content.encode())


def read_description(folder: Path) -> PreparedSettings:
    """Read ``synthesis.json``.

    Raises
    ------
    TrainingDataError
        If there is none.
    ConfigurationError
        If it is not valid.
    """
    path = folder / DESCRIPTION
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingDataError(
            "There are no prepared label maps.",
            expected=f"{FOLDER}/{DESCRIPTION} in the preprocessed data set",
            found=error.strerror or str(error),
            path=path,
            remedy="Run kdseg-training synthesize first.",
        ) from error
    values: Dict[Any, Any] = dict(parse_json_object(content, str(path)))
    return check_settings(values, PreparedSettings, path)


def open_prepared(folder: Path) -> Prepared:
    """Read a prepared folder as a whole.

    Raises
    ------
    TrainingDataError
        If something is missing, damaged or not what it was when it was prepared.
    ConfigurationError
        If the description is not valid.
    """
    settings = read_description(folder)
    anatomy = build_anatomy(settings.anatomy)

    def load(cases: Mapping[str, str]) -> Tuple[LabelMap, ...]:
        found: List[LabelMap] = []
        for name, expected in cases.items():
            path = folder / f"{name}.npz"
            found.append(load_label_map(path, anatomy))
            if fingerprint(found[-1]) != expected:
                raise TrainingDataError(
                    "A prepared label map is not the one that was prepared.",
                    expected=f"sha256 {expected[:12]}…",
                    found=f"sha256 {fingerprint(found[-1])[:12]}…",
                    path=path,
                    remedy="Run kdseg-training synthesize again.",
                )
        return tuple(found)

    return Prepared(
        anatomy,
        settings.appearance,
        settings.spacing_mm,
        load(settings.training),
        load(settings.validation),
        settings.digest(),
    )
