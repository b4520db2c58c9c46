"""One student with what it may use: the part of a run that does not depend on the volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from kdseg.limits import Limits, Options
from kdseg.student import Student


@dataclass(frozen=True)
class Job:
    """A student, its limits and its options."""

    student: Student
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)

    @property
    def mirroring_axes(self) -> Optional[Tuple[int, ...]]:
        """Spatial axes that are mirrored in this run; None for none."""
        return self.student.mirroring_axes if self.options.mirroring else None
