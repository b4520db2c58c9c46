"""What is to be profiled, as an object that cannot be invalid and as a JSON file."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Tuple, Union

from kdseg.errors import ConfigurationError, PathLike
from kdseg.limits import EngineName, Limits, Options, available_cpus
from kdseg_training.profiling.json_data import from_data, to_data

REQUEST_SCHEMA = "kdseg-profile-job/1"
"""Name and version of the file's layout, in its key ``schema``."""

LARGEST_AXIS = 4096
"""Voxels along an axis of a synthetic volume."""


@dataclass(frozen=True)
class StudentSubject:
    """A bundle; ``name`` replaces ``name version`` of the bundle as its key in the profile."""

    path: str
    name: Optional[str] = None


@dataclass(frozen=True)
class TeacherSubject:
    """Stock nnU-Net with a model folder.

    Attributes
    ----------
    model_folder
        With ``plans.json``, ``dataset.json`` and ``fold_*``.
    fold, checkpoint
        Which weights; None takes the only fold.
    mirroring
        Whether patches are mirrored over the axes that the checkpoint allows, as ``nnUNetv2_predict`` does by default.
    workers
        Processes for preprocessing and as many for export, as ``nnUNetv2_predict -npp -nps``; 0 does all in one process, which
        is faster for a single volume and tells the stages apart.
    name
        Key in the profile; None: named after folder, fold and mirroring.
    """

    model_folder: str
    fold: Optional[str] = None
    checkpoint: str = "checkpoint_final.pth"
    mirroring: bool = True
    workers: int = 0
    name: Optional[str] = None

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"workers: expected 0 or more, found {self.workers}")


@dataclass(frozen=True)
class SyntheticVolume:
    """A volume of blobs and noise, without a border of zeros: voxels along (z, y, x) and spacing along (x, y, z) in mm."""

    shape_zyx: Tuple[int, int, int]
    spacing_mm: Tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(1 <= n <= LARGEST_AXIS for n in self.shape_zyx):
            raise ValueError(f"shape_zyx: expected 1 to {LARGEST_AXIS} voxels along each axis, found {self.shape_zyx}")
        if not all(math.isfinite(s) and 0.01 <= s <= 50 for s in self.spacing_mm):
            raise ValueError(f"spacing_mm: expected 0.01 to 50 mm along each axis, found {self.spacing_mm}")


@dataclass(frozen=True)
class ProfileRequest:
    """Subjects, volume and repetitions.

    Attributes
    ----------
    students, teachers
        At least one subject; each bundle once.
    volume_paths
        One image file (or the folder of one DICOM series) for each channel; empty: ``synthetic``.
    synthetic
        None without files: the median volume of the first subject's training data, as its plans tell.
    repetitions
        Counted runs of each subject with each number of threads.
    warm_ups
        Runs before them, recorded and left out.
    threads
        Numbers of CPU threads, each at least 1; the first is the one that matters.
    mirroring, tile_step_size, engine
        For students, as in :class:`kdseg.limits.Options`; ``tile_step_size`` for teachers, too.
    machine_peak
        Whether the machine's peak is measured between the runs.
    teacher_python
        Interpreter with torch and nnunetv2; None: the one that runs this.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """

    students: Tuple[StudentSubject, ...] = ()
    teachers: Tuple[TeacherSubject, ...] = ()
    volume_paths: Tuple[str, ...] = ()
    synthetic: Optional[SyntheticVolume] = None
    repetitions: int = 5
    warm_ups: int = 1
    threads: Tuple[int, ...] = field(default_factory=lambda: (available_cpus(),))
    mirroring: bool = True
    tile_step_size: Optional[float] = None
    engine: EngineName = EngineName.AUTO
    machine_peak: bool = True
    teacher_python: Optional[str] = None

    def __post_init__(self) -> None:
        if not self.students and not self.teachers:
            raise ValueError("students: expected at least one student or teacher, found none")
        twice = [path for path, n in Counter(os.path.realpath(student.path) for student in self.students).items() if n > 1]
        if twice:
            raise ValueError(f"students: expected each bundle once, found {', '.join(twice)} more often")
        if self.volume_paths and self.synthetic is not None:
            raise ValueError("volume_paths: expected either files or a synthetic volume, found both")
        if self.repetitions < 1 or self.warm_ups < 0:
            found = f"{self.repetitions} and {self.warm_ups}"
            raise ValueError(f"repetitions, warm_ups: expected at least 1 and at least 0, found {found}")
        if not self.threads or len(set(self.threads)) != len(self.threads):
            raise ValueError(f"threads: expected different numbers, at least one, found {self.threads}")
        _ = (self.options, [Limits(n) for n in self.threads])  # they check themselves

    @property
    def options(self) -> Options:
        """Options of the students' runs."""
        return Options(self.mirroring, self.tile_step_size, self.engine)


@dataclass(frozen=True)
class ProfileJob:
    """A request for a child process.

    Attributes
    ----------
    request
        What to profile.
    output
        Where the profile goes, absolute, ``.json``.
    keep
        Whether a copy goes into :func:`kdseg.user_data.profiles_folder`, where the panel looks for profiles of this computer.
    """

    request: ProfileRequest
    output: str
    keep: bool = True

    def __post_init__(self) -> None:
        if not Path(self.output).is_absolute() or not self.output.endswith(".json"):
            raise ValueError(f"output: expected an absolute path that ends in .json, found {self.output}")

    def to_json(self) -> str:
        """Return the job as text of ASCII characters."""
        return json.dumps({"schema": REQUEST_SCHEMA, **to_data(self)}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: Union[str, bytes], *, path: PathLike = "") -> ProfileJob:
        """Parse what :meth:`to_json` wrote; ``path`` is named in errors.

        Raises
        ------
        ConfigurationError
            If it is not JSON, of another schema, or a value is missing, unknown or not allowed.
        """
        try:
            data: Any = json.loads(text)
        except ValueError as error:
            raise ConfigurationError("The request is not JSON.", found=str(error)[:200], path=path or None) from error
        if not isinstance(data, dict) or data.pop("schema", None) != REQUEST_SCHEMA:
            raise ConfigurationError("The request has another layout.", expected=REQUEST_SCHEMA, path=path or None)
        return from_data(cls, data, path=path)
