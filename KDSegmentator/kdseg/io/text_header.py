"""Numbers and lines in the text headers of NRRD and MetaImage, read strictly."""

from __future__ import annotations

import re
from typing import List

from kdseg.errors import GeometryError, VolumeFileError
from kdseg.io.streams import HashedFile, truncated

MAX_LINE_BYTES = 1 << 20
"""The longest header line that is read, in bytes; Slicer's custom fields may be long."""

MAX_HEADER_BYTES = 16 << 20
"""The longest text header that is read, in bytes."""

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)(\(\w*\))?", re.IGNORECASE | re.ASCII)


class LineReader:
    """Reads lines from a file whose rest is binary, byte for byte, so that nothing of the rest is lost."""

    def __init__(self, file: HashedFile) -> None:
        self._file = file
        self._read = 0

    def line(self) -> str:
        """Return the next line without its end (LF or CR LF).

        Raises
        ------
        VolumeFileError
            If the file ends first, the line or the header is absurdly long, or it is not text (UTF-8 or Latin-1).
        """
        data = bytearray()
        while not data.endswith(b"\n"):
            byte = self._file.read(1)
            if not byte:
                raise truncated(self._file.path, self._read + len(data) + 1, self._read + len(data))
            data += byte
            if len(data) > MAX_LINE_BYTES or self._read + len(data) > MAX_HEADER_BYTES:
                raise header_error("The header does not end.", "a header of text lines", "a very long line", self._file.path)
        self._read += len(data)
        if b"\0" in data:
            raise header_error("The header is not text.", "text lines", "a zero byte", self._file.path)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return text.rstrip("\r\n")


def integers(text: str, field: str, path: str) -> List[int]:
    """Return the whole numbers of a field separated by blanks; VolumeFileError if one is none."""
    words = _words(text, field, path)
    for word in words:
        if not _INTEGER.fullmatch(word):
            raise header_error(f"The field '{field}' is damaged.", "whole numbers", repr(text[:80]), path)
    return [int(word) for word in words]


def numbers(text: str, field: str, count: int, path: str) -> List[float]:
    """Return exactly ``count`` finite numbers; VolumeFileError or, for NaN and infinity, GeometryError otherwise."""
    words = _words(text, field, path)
    for word in words:
        if _NOT_FINITE.fullmatch(word):
            raise GeometryError(
                f"The field '{field}' is not finite.",
                expected="finite numbers",
                found=repr(text[:80]),
                path=path,
                remedy="Repair the header, or export the volume again.",
            )
        if not _NUMBER.fullmatch(word):
            raise header_error(f"The field '{field}' is damaged.", "numbers", repr(text[:80]), path)
    if len(words) != count:
        raise header_error(f"The field '{field}' is damaged.", f"{count} numbers", repr(text[:80]), path)
    return [float(word) for word in words]


def _words(text: str, field: str, path: str) -> List[str]:
    """Split at blanks and tabs; other white space (which readers take in different ways) is damage."""
    if any(not " " <= character <= "~" for character in text.replace("\t", " ")):
        raise header_error(f"The field '{field}' is damaged.", "plain ASCII text", repr(text[:80]), path)
    return text.split()


def header_error(problem: str, expected: str, found: str, path: str, remedy: str = "") -> VolumeFileError:
    """Return the error for a text header that breaks a rule."""
    return VolumeFileError(
        problem, expected=expected, found=found, path=path, remedy=remedy or "Repair the header, or export the volume again."
    )
