"""A folder of soft labels: of one teacher with one set of settings, a file for each case."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Literal, Mapping

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import OutputError, TrainingDataError
from kdseg_training.distillation.config import digest
from kdseg_training.distillation.extras_config import SoftLabelSettings
from kdseg_training.distillation.soft_labels.storage import FORMAT

if TYPE_CHECKING:
    from kdseg_training.distillation.teacher import Teacher

INDEX = "soft_labels.json"
"""Says which teacher and settings the files of the folder are of."""

Group = Literal["labelled", "unlabelled"]
"""Subfolder; a labelled and an unlabelled case may have the same name."""


@dataclass(frozen=True)
class SoftLabelFolder:
    """Where soft labels lie, and what they must be of.

    Attributes
    ----------
    path
        The folder.
    origin
        What decides the probabilities, as plain data: :func:`origin_of`.
    """

    path: Path
    origin: Dict[str, Any]

    @property
    def origin_digest(self) -> str:
        """In the header of every file."""
        return digest(self.origin)

    def file(self, group: Group, case: str) -> Path:
        """Return where the file of a case is."""
        return self.path / group / f"{case}.npz"

    def claim(self, information: Mapping[str, Any]) -> None:
        """Make the folder, or check that what lies in it has the same origin.

        Parameters
        ----------
        information
            Plain data that is written beside the origin, for people; not compared later.

        Raises
        ------
        TrainingDataError
            If the folder is of another teacher or other settings.
        OutputError
            If it cannot be made.
        """
        if (self.path / INDEX).exists():
            self.check()
            return
        content = {"format": FORMAT, "origin": self.origin, "information": dict(information)}
        try:
            for group in ("labelled", "unlabelled"):
                (self.path / group).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "The folder for soft labels cannot be made.", found=error.strerror or str(error), path=self.path
            ) from error
        write_bytes(self.path / INDEX, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8"))

    def check(self) -> None:
        """Check that the folder is there and of this origin.

        Raises
        ------
        TrainingDataError
            If it is missing, or of another teacher or other settings, which are named.
        """
        index = self.path / INDEX
        try:
            content = index.read_bytes()
        except OSError as error:
            raise TrainingDataError(
                "There are no soft labels yet.",
                expected=INDEX,
                found=error.strerror or str(error),
                path=self.path,
                remedy="Run kdseg-training soft-labels with the same file first.",
            ) from error
        stored = parse_json_object(content, str(index)).get("origin")
        stored = stored if isinstance(stored, dict) else {}
        differing = sorted(key for key in {*stored, *self.origin} if stored.get(key) != self.origin.get(key))
        if differing:
            raise TrainingDataError(
                f"The soft labels are of another teacher or other settings: {', '.join(differing)}.",
                expected="; ".join(f"{key}: {self.origin.get(key)}" for key in differing),
                found="; ".join(f"{key}: {stored.get(key)}" for key in differing),
                path=self.path,
                remedy="Choose another folder for teacher.soft_labels, and run kdseg-training soft-labels.",
            )


def origin_of(teacher: Teacher, settings: SoftLabelSettings) -> Dict[str, Any]:
    """Return what decides a case's soft labels besides its image."""
    return {
        "teacher": teacher.digest(),
        "folds": list(teacher.source.folds),
        "mirroring_axes": None if teacher.mirroring_axes is None else list(teacher.mirroring_axes),
        "configuration": teacher.configuration,
        "floor": settings.floor,
        "tile_step": settings.tile_step,
    }
