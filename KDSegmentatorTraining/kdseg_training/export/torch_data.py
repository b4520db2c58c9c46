"""Load what ``torch.save`` wrote, as data only, after its checksums: torch itself does not look at them."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO, Optional, Sequence, Type

from kdseg.errors import KDSegError

_ZIP_MAGIC = b"PK\x03\x04"
"""How a file begins that torch takes for a zip archive; older files of torch are pickles."""

_EXPECTED = "tensors, numbers and text, as torch.save wrote them"


def load_data(
    file: BinaryIO,
    path: Path,
    *,
    refusal: Type[KDSegError],
    remedy: str,
    remedy_for_objects: Optional[str] = None,
    allowed: Sequence[Any] = (),
) -> Any:
    """Return the content of a file of ``torch.save``, tensors on the CPU.

    Parameters
    ----------
    file
        Open at its beginning; what is checked and what is loaded are the same bytes.
    path
        Named in errors.
    refusal, remedy
        The error to raise, and what to do about a damaged file.
    remedy_for_objects
        What to do about one that holds, or seems to hold, more than data; None: ``remedy``.
    allowed
        Constructors that it may name, as for ``torch.serialization.safe_globals``.

    Raises
    ------
    KDSegError
        ``refusal``, if a checksum is wrong, the file is truncated or damaged, or it holds anything but data.
    """
    import torch

    try:
        wrong = _damaged_member(file)
        if wrong is not None:
            raise refusal(
                "The checkpoint is damaged: a checksum is wrong.",
                expected="the bytes that torch.save wrote",
                found=f"other bytes in {wrong}",
                path=path,
                remedy=remedy,
            )
        with torch.serialization.safe_globals(list(allowed)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that torch.save did not write; callers refuse them
            return torch.load(file, map_location="cpu", weights_only=True)
    except (KDSegError, MemoryError):
        raise
    except UnpicklingError as error:
        raise refusal(
            "The checkpoint is damaged, or holds Python objects besides weights and plain values.",
            expected=_EXPECTED,
            found=_refused(error),
            path=path,
            remedy=remedy if remedy_for_objects is None else remedy_for_objects,
        ) from error
    except Exception as error:  # a damaged pickle may raise anything
        raise refusal(
            "The checkpoint is truncated or damaged.", expected=_EXPECTED, found=_in_short(error), path=path, remedy=remedy
        ) from error


def _damaged_member(file: BinaryIO) -> Optional[str]:
    """Return the first member whose checksum is wrong, None if there is none or the file has no checksums."""
    is_zip = file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    file.seek(0)
    if not is_zip:
        return None
    with zipfile.ZipFile(file) as archive:
        wrong = archive.testzip()
    file.seek(0)
    return wrong


def _refused(error: UnpicklingError) -> str:
    """Return what torch refused; its advice to load the file as a program is left out."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    if named:
        return f"the Python object {named.group(1)}"
    reason = str(error).rpartition("WeightsUnpickler error:")[2].strip().splitlines()
    return _without_advice(reason[0]) if reason else type(error).__name__


def _in_short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = _without_advice(lines[0]) if lines else ""
    name = type(error).__name__
    return text if text and isinstance(error, (RuntimeError, OSError, zipfile.BadZipFile)) else f"{name}: {text}".rstrip(": ")


def _without_advice(text: str) -> str:
    sentence = text.split(". ", maxsplit=1)[0].rstrip(".")[:200]
    return "bytes that are no data" if "weights_only" in sentence else sentence
