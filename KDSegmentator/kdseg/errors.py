"""The one exception tree of the runtime.

Every error that a user can cause is a :class:`KDSegError`. It carries four things, so that every front end (panel, command
line, console) can show them in its own way: what is wrong, what was expected and found, in which file, and what to do::

    KDSegError                      1
    ├── InputError                  3   the image or series is not usable
    │   ├── VolumeFileError             damaged, truncated or unsupported file
    │   ├── GeometryError               spacing, direction or origin contradict themselves or each other
    │   ├── DicomSeriesError            a slice is missing, duplicate, irregular or unreadable; more than one series
    │   ├── ChannelError                the student needs other or more channels
    │   └── IntensityError              constant, empty or not finite
    ├── BundleError                 4   the student bundle is not usable
    │   ├── BundleIntegrityError        a member is missing, changed, too large or leaves its folder
    │   ├── BundleSchemaError           bundle.json or labels.csv does not follow the schema
    │   ├── BundleModelError            the ONNX file is not self-contained or uses foreign operators
    │   └── SelfTestError               the network does not reproduce its own self-test here
    ├── UnsupportedModelError       4   a part of nnU-Net that this runtime does not implement, named
    ├── MemoryLimitError            5   the estimate, or the volume alone, is above the ceiling
    ├── OutputError                 6   the result cannot be written
    ├── EngineError                 7   the requested engine is missing or failed
    ├── ExportError                 8   a model folder cannot become a student bundle
    ├── TrainingError               9   a student cannot be trained
    │   ├── ConfigurationError          the file that describes the run is not valid
    │   ├── TeacherError                the teacher's model folder is missing, damaged or of another version
    │   ├── AgreementError              teacher, student or label maps differ in what must be equal
    │   ├── TrainingDataError           the data set is missing, empty or does not match
    │   ├── ResumeError                 the checkpoint is damaged or belongs to another run
    │   ├── DivergenceError             the loss is not a number any more
    │   └── DeviceMemoryError           the device has too little memory for this run
    ├── InstallationError          10   a package cannot be installed, or the user said no
    ├── WorkerError                11   the process that computes ended without a result
    └── Cancelled                 130   the user cancelled

The number is the exit code of the command line (:attr:`KDSegError.exit_code`); 2 is left to usage errors.
"""

from __future__ import annotations

import os
from typing import Optional, Union

PathLike = Union[str, "os.PathLike[str]"]


class KDSegError(Exception):
    """Base of all errors that the runtime raises on purpose.

    Parameters
    ----------
    problem
        One sentence: what is wrong.
    expected, found
        What was expected and what was found instead; may be empty where the problem says both.
    path
        The file or folder the error is about.
    remedy
        What the user can do.
    """

    exit_code = 1

    def __init__(
        self,
        problem: str,
        *,
        expected: str = "",
        found: str = "",
        path: Optional[PathLike] = None,
        remedy: str = "",
    ) -> None:
        self.problem = problem
        self.expected = expected
        self.found = found
        self.path = None if path is None else os.fspath(path)
        self.remedy = remedy
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        parts = [self.problem if self.path is None else f"{self.path}: {self.problem}"]
        if self.expected:
            parts.append(f"Expected: {self.expected}.")
        if self.found:
            parts.append(f"Found: {self.found}.")
        if self.remedy:
            parts.append(f"What to do: {self.remedy}")
        return " ".join(parts)

    def as_dict(self) -> dict[str, object]:
        """Return the error as plain data for JSON lines and reports."""
        return {
            "type": type(self).__name__,
            "problem": self.problem,
            "expected": self.expected,
            "found": self.found,
            "path": self.path,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class InputError(KDSegError):
    """The image or the DICOM series cannot be used."""

    exit_code = 3


class VolumeFileError(InputError):
    """The file is damaged, truncated, of an unknown format or of an unsupported kind."""


class GeometryError(InputError):
    """Spacing, origin or direction are missing, impossible, or contradict each other."""


class DicomSeriesError(InputError):
    """The DICOM folder is not one complete, regular series of greyscale slices."""


class ChannelError(InputError):
    """The number of channels is not the one the student was trained with."""


class IntensityError(InputError):
    """The voxels are constant, empty or not finite."""


class BundleError(KDSegError):
    """The student bundle cannot be used."""

    exit_code = 4


class BundleIntegrityError(BundleError):
    """A member of the bundle is missing, changed, too large, duplicated or leaves its folder."""


class BundleSchemaError(BundleError):
    """``bundle.json``, ``plans.json``, ``dataset.json`` or ``labels.csv`` does not follow its schema."""


class BundleModelError(BundleError):
    """The ONNX member is not self-contained, or uses operators that are not standard ONNX."""


class SelfTestError(BundleError):
    """The network does not reproduce the labels stored in the bundle on this machine."""


class UnsupportedModelError(KDSegError):
    """The model needs a part of nnU-Net that this runtime does not implement; the message names it."""

    exit_code = 4


class MemoryLimitError(KDSegError):
    """The memory that is needed is above the ceiling.

    Attributes
    ----------
    estimate_bytes, limit_bytes
        The least that is needed (the estimate for the leanest plan, or the voxels alone) and the ceiling, in bytes.
    """

    exit_code = 5

    def __init__(
        self, problem: str, *, estimate_bytes: int, limit_bytes: int, remedy: str, path: Optional[PathLike] = None
    ) -> None:
        self.estimate_bytes = estimate_bytes
        self.limit_bytes = limit_bytes
        gib = 1024**3
        super().__init__(
            problem,
            expected=f"at most {limit_bytes / gib:.2f} GiB",
            found=f"an estimate of {estimate_bytes / gib:.2f} GiB",
            path=path,
            remedy=remedy,
        )


class OutputError(KDSegError):
    """The result cannot be written; whatever was there before is untouched."""

    exit_code = 6


class EngineError(KDSegError):
    """The requested inference engine is not installed, cannot load the network, or failed while running it."""

    exit_code = 7


class ExportError(KDSegError):
    """A model folder cannot become a student bundle: something is missing, damaged, not allowed or drifts too far."""

    exit_code = 8


class TrainingError(KDSegError):
    """A student cannot be trained; what an earlier run wrote is untouched."""

    exit_code = 9


class ConfigurationError(TrainingError):
    """The file that describes a run lacks a key, has an unknown one, or a value that is not allowed."""


class TeacherError(TrainingError):
    """The teacher's model folder is missing, damaged, of another version, or its weights changed during training."""


class AgreementError(TrainingError):
    """Teacher and student, or label maps and data set, differ in patch, strides, spacing, normalisation, channels or labels.

    The message names which.
    """


class TrainingDataError(TrainingError):
    """The data set is missing, empty, not preprocessed, or its labels do not match."""


class ResumeError(TrainingError):
    """A checkpoint cannot be continued: it is damaged or belongs to another run."""


class DivergenceError(TrainingError):
    """The loss is not finite; the last good checkpoint is kept."""


class DeviceMemoryError(TrainingError):
    """The device ran out of memory; the message says what needs less."""


class InstallationError(KDSegError):
    """A package that the runtime needs is missing and was not installed, or its installation failed."""

    exit_code = 10


class WorkerError(KDSegError):
    """The process that computes ended without a result, or gave one that does not verify."""

    exit_code = 11


class Cancelled(KDSegError):
    """The user cancelled; nothing was written."""

    exit_code = 130
