"""What the child is asked: the request of ``python -m kdseg_training.profiling``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

PACKAGE = "kdseg_training.profiling"
SCHEMA = "kdseg-profile-job/1"


@dataclass(frozen=True)
class ProfileRequest:
    """Students, side by side.

    Attributes
    ----------
    students
        Their bundles.
    output
        Where the profile goes; ends in ``.json``.
    volume
        An image file; None for a synthetic volume of the size that is typical of the first student.
    repetitions
        Counted runs of each student.
    threads
        CPU threads.
    mirroring
        Average over mirrored passes where a student allows it.
    """

    students: Tuple[Path, ...]
    output: Path
    volume: Tuple[Path, ...] = ()
    repetitions: int = 5
    threads: int = 1
    mirroring: bool = True

    @property
    def result(self) -> Path:
        """The file that the child writes."""
        return self.output

    def to_json(self) -> bytes:
        """Return the request as the child reads it; a copy of the profile is kept where the panels look for profiles."""
        request = {
            "students": [{"path": str(path)} for path in self.students],
            "volume_paths": [str(path) for path in self.volume],
            "repetitions": self.repetitions,
            "threads": [self.threads],
            "mirroring": self.mirroring,
        }
        return json.dumps({"schema": SCHEMA, "request": request, "output": str(self.output), "keep": True}).encode("ascii")
