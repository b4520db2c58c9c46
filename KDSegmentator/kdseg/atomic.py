"""Writing that never leaves half a file: a temporary file beside the target, fsync, replace."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from kdseg.errors import OutputError, PathLike

SECONDS_OF_PATIENCE = 2.0
"""How long a target that another program holds open is waited for; on Windows a reader keeps a file from being replaced."""


@contextmanager
def atomic_path(target: PathLike) -> Iterator[Path]:
    """Yield a path beside ``target`` to write to; on success it replaces ``target``, on any error nothing changes.

    The temporary name keeps the target's suffixes (``.seg.nrrd``, ``.nii.gz``) in small letters: writers choose the format by
    them, and some know no ``.NII.GZ``.

    Raises
    ------
    OutputError
        If the folder is missing or read-only, or the disk is full.
    """
    target = Path(target)
    try:
        temporary = _create_beside(target)
    except OSError as error:
        raise _output_error(target, error) from error
    try:
        yield temporary
        _flush_to_disk(temporary)
        _replace(temporary, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise _output_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: PathLike, data: bytes) -> None:
    """Write ``data`` to ``target`` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def _create_beside(target: Path) -> Path:
    """Make an empty file with a name of its own; the operating system gives it the permissions of any new file."""
    while True:
        path = target.with_name(f".kdseg-{secrets.token_hex(4)}-{target.name.lower()}")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return path


def _replace(temporary: Path, target: Path) -> None:
    limit = time.monotonic() + SECONDS_OF_PATIENCE
    while True:
        try:
            temporary.replace(target)
        except PermissionError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
        else:
            return


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _output_error(target: Path, error: OSError) -> OutputError:
    return OutputError(
        "The result could not be written.",
        expected="a writable folder with enough free space",
        found=error.strerror or str(error),
        path=target,
        remedy="Choose another folder or free some space; an earlier file of that name is unchanged.",
    )
