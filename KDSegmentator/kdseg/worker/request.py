"""What a child process is asked to do, as one JSON file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from kdseg.errors import WorkerError
from kdseg.limits import EngineName, Limits, Options

REQUEST_SCHEMA = "kdseg-job/1"
"""Name and version of the file's layout, in its key ``schema``."""

OUTPUT_SUFFIX = ".nrrd"
"""What the name of the result ends in; it is a plain label map, so not ``.seg.nrrd``."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class JobRequest:
    """One segmentation, or the estimate of one.

    Attributes
    ----------
    volume_paths
        One image file (or the folder of one DICOM series) for each channel, in the student's order; absolute.
    student_path, student_sha256
        The bundle and the digest (hex) of the whole file: another file of that name is refused.
    output_path
        Where the label map goes, absolute, ``.nrrd``; its folder exists.
    threads
        CPU threads, at least 1.
    memory_bytes
        Ceiling for the memory of the child, in bytes; None for none.
    engine
        Where the network runs.
    mirroring
        Average over mirrored inputs where the student allows it.
    tile_step_size
        Step between tiles as a share of the patch; None takes the student's.
    structures
        Label values to keep, at least one; None keeps all of them.
    estimate_only
        Estimate memory and work and end, without the network; no file is written.
    private_folder
        The folder of the request file belongs to this job: the child removes it when its parent is gone.

    Raises
    ------
    WorkerError
        If a value is not allowed.
    """

    volume_paths: Tuple[Path, ...]
    student_path: Path
    student_sha256: str
    output_path: Path
    threads: int
    memory_bytes: Optional[int] = None
    engine: EngineName = EngineName.AUTO
    mirroring: bool = True
    tile_step_size: Optional[float] = None
    structures: Optional[Tuple[int, ...]] = None
    estimate_only: bool = False
    private_folder: bool = False

    def __post_init__(self) -> None:
        _check_paths(self)
        if not _SHA256.fullmatch(self.student_sha256):
            raise _error("student_sha256", "64 hexadecimal digits", self.student_sha256)
        try:
            object.__setattr__(self, "engine", EngineName(self.engine))
            _ = (self.limits, self.options)  # they check themselves
        except (ValueError, TypeError) as error:
            raise WorkerError("The request cannot be carried out.", found=str(error)) from error
        if self.structures is not None:
            _check_structures(self.structures)

    @property
    def limits(self) -> Limits:
        """Threads and memory."""
        return Limits(self.threads, self.memory_bytes)

    @property
    def options(self) -> Options:
        """Mirroring, step and engine."""
        return Options(self.mirroring, self.tile_step_size, self.engine)

    def to_json(self) -> str:
        """Return the request as text of ASCII characters."""
        data: Dict[str, Any] = {"schema": REQUEST_SCHEMA}
        for field in fields(self):
            data[field.name] = _plain(getattr(self, field.name))
        return json.dumps(data, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> JobRequest:
        """Parse what :meth:`to_json` wrote.

        Raises
        ------
        WorkerError
            If it is not JSON, has another schema, lacks a key, has an unknown one, or a value is not allowed.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise WorkerError("The request is not JSON.", found=str(error)) from error
        if not isinstance(data, dict) or data.pop("schema", None) != REQUEST_SCHEMA:
            raise WorkerError("The request has another layout.", expected=f"an object with the schema {REQUEST_SCHEMA}")
        return cls(**_typed(data))


def _plain(value: Any) -> Any:
    if isinstance(value, EngineName):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _typed(data: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the values in the types of the class; every key of :data:`_TYPES` must be there, and no other."""
    if set(data) != set(_TYPES):
        raise _error("the keys", ", ".join(sorted(_TYPES)), ", ".join(sorted(data)))
    result: Dict[str, Any] = {}
    for key, (types, what) in _TYPES.items():
        value = data[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _error(key, what, repr(value)[:100])
        result[key] = value
    for key in ("volume_paths", "structures"):
        kind = str if key == "volume_paths" else int
        if result[key] is not None:
            if not all(isinstance(item, kind) for item in result[key]):
                raise _error(key, _TYPES[key][1], repr(result[key])[:100])
            result[key] = tuple(result[key])
    result["volume_paths"] = tuple(Path(path) for path in result["volume_paths"])
    return {**result, "student_path": Path(result["student_path"]), "output_path": Path(result["output_path"])}


_NONE = type(None)
_TYPES: Mapping[str, Tuple[Tuple[type, ...], str]] = {
    "volume_paths": ((list,), "a list of paths"),
    "student_path": ((str,), "a path"),
    "student_sha256": ((str,), "a digest"),
    "output_path": ((str,), "a path"),
    "threads": ((int,), "an integer"),
    "memory_bytes": ((int, _NONE), "an integer or null"),
    "engine": ((str,), "the name of an engine"),
    "mirroring": ((bool,), "true or false"),
    "tile_step_size": ((int, float, _NONE), "a number or null"),
    "structures": ((list, _NONE), "a list of integers or null"),
    "estimate_only": ((bool,), "true or false"),
    "private_folder": ((bool,), "true or false"),
}


def _check_paths(request: JobRequest) -> None:
    if not request.volume_paths:
        raise _error("volume_paths", "one path for each channel", "none")
    for path in (*request.volume_paths, request.student_path, request.output_path):
        if not Path(path).is_absolute():
            raise _error("a path", "absolute paths", str(path))
    name = request.output_path.name.lower()
    if not name.endswith(OUTPUT_SUFFIX) or name.endswith(".seg.nrrd"):
        raise _error("output_path", f"a name ending in {OUTPUT_SUFFIX}", request.output_path.name)


def _check_structures(values: Tuple[int, ...]) -> None:
    whole = all(isinstance(v, int) and not isinstance(v, bool) and v >= 1 for v in values)
    if not values or not whole or len(set(values)) != len(values):
        raise _error("structures", "different label values, at least one, each at least 1", str(values)[:100])


def _error(what: str, expected: str, found: str) -> WorkerError:
    return WorkerError(f"The request cannot be carried out: {what}.", expected=expected, found=found)
