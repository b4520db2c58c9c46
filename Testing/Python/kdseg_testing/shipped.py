"""The students that ship, by their files, so that a test does not know their versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "Resources" / "Models"
SUFFIX = ".kdseg.zip"


@dataclass(frozen=True)
class Shipped:
    """A student that ships.

    Attributes
    ----------
    path
        Its bundle.
    name, version
        As its file says.
    """

    path: Path
    name: str
    version: str

    @property
    def identifier(self) -> str:
        """Name and version as in file names and settings, such as ``hippocampus-1.0.0``."""
        return f"{self.name}-{self.version}"

    @property
    def title(self) -> str:
        """Name and version as on the screen, such as ``hippocampus 1.0.0``."""
        return f"{self.name} {self.version}"


def _shipped(path: Path) -> Shipped:
    name, _, version = path.name[: -len(SUFFIX)].rpartition("-")
    return Shipped(path, name, version)


STUDENTS = tuple(_shipped(path) for path in sorted(FOLDER.glob(f"*{SUFFIX}")))
"""All of them, in the order in which they are offered; the first one is the default."""

TITLES = tuple(student.title for student in STUDENTS)

(HIPPOCAMPUS,) = (student for student in STUDENTS if student.name == "hippocampus")
"""For a crop around one hippocampus: the student of most tests with a real network."""

(BRAIN,) = (student for student in STUDENTS if student.name == "brain")
"""For a whole head: the default."""
