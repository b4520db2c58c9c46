"""What a run leaves behind for people and auditors: one readable JSON file.

It names files only by the paths that the user gave, and the findings name files of a folder that the user gave. It holds
nothing that was read from image headers except hashes and what the findings say of a file's form.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import PathLike, VolumeFileError
from kdseg.hardware import describe_hardware
from kdseg.segmentation import Segmentation
from kdseg.versions import versions

if TYPE_CHECKING:
    from kdseg.io import Finding

REPORT_SCHEMA = "kdseg-report/1"
"""Name and version of the report's layout, in its key ``schema``."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileRecord:
    """A file or folder and what was in it.

    Attributes
    ----------
    path
        As the user gave it, or as it follows from what the user gave.
    sha256
        Hex digest of the file. For a DICOM series: of the digests of its slices, in order.
    size_bytes
        Size of the file, or of all files of the folder.
    files
        Number of files.
    """

    path: str
    sha256: str
    size_bytes: int
    files: int = 1


@dataclass(frozen=True)
class RunFiles:
    """The files of one run: inputs with the hashes of the bytes that were decoded, outputs as they were written.

    ``findings`` are what was told about the inputs: a path and a message each.
    """

    inputs: Tuple[FileRecord, ...] = ()
    outputs: Tuple[FileRecord, ...] = ()
    findings: Tuple[Finding, ...] = ()


def fingerprint(path: PathLike) -> FileRecord:
    """Hash a file, or the files directly in a folder (a DICOM series).

    Raises
    ------
    VolumeFileError
        If it cannot be read.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            digest, size = _hash_file(path)
            return FileRecord(str(path), digest, size)
        members = sorted(p for p in path.iterdir() if p.is_file())
        hashes = [_hash_file(p) for p in members]
    except OSError as error:
        raise VolumeFileError(
            "It cannot be read.", found=error.strerror or str(error), path=path, remedy="Check the path and its permissions."
        ) from error
    lines = "".join(f"{digest}  {member.name}\n" for member, (digest, _) in zip(members, hashes))
    digest = hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
    return FileRecord(str(path), digest, sum(size for _, size in hashes), len(members))


def build_report(
    segmentation: Segmentation, *, files: RunFiles, command: Sequence[str] = (), request: Optional[Mapping[str, Any]] = None
) -> Dict[str, Any]:
    """Return the report of a run as plain data.

    Parameters
    ----------
    segmentation
        The result; its own ``report`` (student, engine, memory, seconds per stage, volumes in ml) is taken over.
    files
        Inputs and outputs with their hashes.
    command
        The command line, word by word; empty where there was none.
    request
        What decides the labels besides the inputs (student, mirroring, step): a later run with the same request and the same
        inputs need not be repeated.
    """
    return {
        "schema": REPORT_SCHEMA,
        "notice": "For research use only. Not a medical device.",
        "created_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": list(command),
        "request": dict(request or {}),
        **segmentation.report,
        "inputs": [asdict(f) for f in files.inputs],
        "outputs": [asdict(f) for f in files.outputs],
        "findings": [asdict(f) for f in files.findings],
        "volumes_ml": {name: round(ml, 4) for name, ml in segmentation.volumes_ml().items()},
        "versions": versions(),
        "hardware": describe_hardware().as_dict(),
    }


def write_report(
    segmentation: Segmentation,
    path: PathLike,
    *,
    files: RunFiles,
    command: Sequence[str] = (),
    request: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """Write the report of a run atomically as indented JSON and return it.

    Parameters
    ----------
    segmentation, files, command, request
        See :func:`build_report`.
    path
        The JSON file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    report = build_report(segmentation, files=files, command=command, request=request)
    write_bytes(
        path, (json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")
    )
    return report


def read_report(path: PathLike) -> Optional[Mapping[str, Any]]:
    """Return a report that was written before, or None if there is none that can be read as one."""
    try:
        data = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and data.get("schema") == REPORT_SCHEMA else None


def _hash_file(path: Path) -> Tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            if not chunk:
                return digest.hexdigest(), size
            digest.update(chunk)
            size += len(chunk)
