"""From a request to the processes that carry it out: modules, interpreters and settings files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from kdseg_training.profiling.request import ProfileRequest, StudentSubject, TeacherSubject
from kdseg_training.profiling.subjects import SubjectKind

STUDENT_MODULE = "kdseg_training.profiling.student_worker"
NNUNET_MODULE = "kdseg_training.stock_nnunet"
"""Started by name only: this package knows nothing of torch."""

VOLUME_LIST = "volume.json"
"""The file in the job's folder that lists the paths of the channels."""


@dataclass(frozen=True)
class SubjectPlan:
    """One subject of a request.

    Attributes
    ----------
    kind, path
        What it is and where.
    name
        As asked for; None: it names itself.
    module, python
        What runs it.
    workers
        Whether it starts processes of its own.
    folder
        For settings and label maps.
    number
        Position in the request.
    settings
        Of its process, without the number of threads.
    """

    kind: SubjectKind
    path: str
    name: Optional[str]
    module: str
    python: Optional[str]
    workers: bool
    folder: Path
    number: int
    settings: Dict[str, Any]

    @property
    def shown(self) -> str:
        """For messages before it was opened."""
        return self.name or Path(self.path).name

    def write_settings(self, threads: int, **found: Any) -> Path:
        """Write the settings of one process, with what was found out when it was described, and return the file."""
        stem = f"subject-{self.number}-{threads}"
        common = {"volume_list": str(self.folder / VOLUME_LIST), "output": str(self.folder / f"{stem}.nii.gz")}
        path = self.folder / f"{stem}.json"
        path.write_text(json.dumps({**self.settings, **common, **found, "threads": threads}), encoding="ascii")
        return path


def subject_plans(request: ProfileRequest, folder: Path) -> List[SubjectPlan]:
    """Return the plans, students first."""
    students = [_student(request, student, folder, i) for i, student in enumerate(request.students)]
    teachers = [_teacher(request, teacher, folder, len(students) + i) for i, teacher in enumerate(request.teachers)]
    return students + teachers


def _student(request: ProfileRequest, student: StudentSubject, folder: Path, number: int) -> SubjectPlan:
    path = str(Path(student.path).absolute())
    settings = {
        "path": path,
        "mirroring": request.mirroring,
        "tile_step_size": request.tile_step_size,
        "engine": request.engine.value,
    }
    return SubjectPlan(SubjectKind.STUDENT, path, student.name, STUDENT_MODULE, None, False, folder, number, settings)


def _teacher(request: ProfileRequest, teacher: TeacherSubject, folder: Path, number: int) -> SubjectPlan:
    path = str(Path(teacher.model_folder).absolute())
    settings = {
        "model_folder": path,
        "fold": teacher.fold,
        "checkpoint": teacher.checkpoint,
        "mirroring": teacher.mirroring,
        "tile_step_size": request.tile_step_size,
        "workers": teacher.workers,
    }
    workers, python = teacher.workers > 0, request.teacher_python
    return SubjectPlan(SubjectKind.NNUNET, path, teacher.name, NNUNET_MODULE, python, workers, folder, number, settings)
