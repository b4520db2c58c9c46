"""The file of one case: a plain ``.npz`` of arrays and a JSON header, with a hash over all of them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

import numpy as np

from kdseg.atomic import write_bytes
from kdseg.errors import TrainingDataError
from kdseg_training.distillation.soft_labels.encoding import Array, SparseProbabilities

FORMAT = 1
"""Version of the files."""

HEADER, HASH = "header", "sha256"

MEMBERS = ("top", "uncertain", "counts", "channels", "doubts", "fill")
"""The arrays, see :class:`SparseProbabilities`."""

_DAMAGED = (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def write_case(path: Path, sparse: SparseProbabilities, header: Mapping[str, Any]) -> int:
    """Write a case atomically and return the size of its file in bytes.

    Parameters
    ----------
    path
        ``<case>.npz``.
    sparse
        What is kept of its probabilities.
    header
        Plain data; the format, the floor, the kind of labels and the hash are added.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    arrays = {name: np.ascontiguousarray(getattr(sparse, name)) for name in MEMBERS}
    complete = {**header, "format": FORMAT, "floor": sparse.floor, "regions": sparse.regions}
    complete[HASH] = content_hash(complete, arrays)
    text = np.frombuffer(json.dumps(complete, sort_keys=True).encode("utf-8"), np.uint8)
    buffer = io.BytesIO()
    members: Dict[str, Any] = {HEADER: text, **arrays}
    np.savez_compressed(buffer, **members)
    write_bytes(path, buffer.getvalue())
    return buffer.tell()


def read_case(path: Path) -> Tuple[SparseProbabilities, Dict[str, Any]]:
    """Read a case and check its hash.

    Returns
    -------
    sparse, header

    Raises
    ------
    TrainingDataError
        If the file is missing, damaged, changed, or of another format.
    """
    try:
        with _open(path) as file:
            header = _parse(file[HEADER])
            _require_format(header, path)
            arrays = {name: file[name] for name in MEMBERS}
        if content_hash({key: value for key, value in header.items() if key != HASH}, arrays) != header[HASH]:
            raise ValueError("the hash does not fit the content")
        return SparseProbabilities(float(header["floor"]), bool(header["regions"]), **arrays), header
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def read_header(path: Path) -> Dict[str, Any]:
    """Read the header alone; the hash is checked when the arrays are read.

    Raises
    ------
    TrainingDataError
        As :func:`read_case`.
    """
    try:
        with _open(path) as file:
            header = _parse(file[HEADER])
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    _require_format(header, path)
    return header


def content_hash(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Return the sha256 (hex) over the header and names, types, shapes and bytes of the arrays."""
    result = hashlib.sha256(json.dumps(header, sort_keys=True).encode("utf-8"))
    for name in MEMBERS:
        array = arrays[name]
        result.update(f"{name}/{array.dtype.str}/{array.shape};".encode())
        result.update(np.ascontiguousarray(array).tobytes())
    return result.hexdigest()


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    with path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("not an .npz file")
        with file:
            yield file


def _parse(text: Array) -> Dict[str, Any]:
    header = json.loads(text.tobytes().decode("utf-8"))
    if not isinstance(header, dict):
        raise ValueError("the header is no JSON object")
    return header


def _require_format(header: Mapping[str, Any], path: Path) -> None:
    if header.get("format") != FORMAT:
        raise TrainingDataError(
            "The soft labels were written by another version.",
            expected=f"format {FORMAT}",
            found=str(header.get("format")),
            path=path,
            remedy="Choose another folder for teacher.soft_labels, and run kdseg-training soft-labels again.",
        )


def _damaged(path: Path, error: Exception) -> TrainingDataError:
    missing = isinstance(error, FileNotFoundError)
    return TrainingDataError(
        "There are no soft labels of this case." if missing else "The soft labels of this case are damaged.",
        expected="a file that kdseg-training soft-labels wrote",
        found="" if missing else " ".join(f"{type(error).__name__}: {error}".split())[:200],
        path=path,
        remedy="Run kdseg-training soft-labels again; it writes what is missing or damaged.",
    )
