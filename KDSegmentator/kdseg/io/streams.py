"""Byte streams that say when a file ends too early, goes on too long, or is damaged."""

from __future__ import annotations

import hashlib
import zlib
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from kdseg.errors import VolumeFileError
from kdseg.io.findings import FindingLog

DEFLATE_MAX_RATIO = 1032
"""The most that deflate can expand: 258 bytes out of two bits."""

MAX_GZIP_MEMBERS = 4096
"""The most members of one gzip file; writers make one, or one for each block. Beyond it, tiny ones would take hours to read."""

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
_ZLIB_WINDOW_BITS = 15
_CHUNK_BYTES = 1 << 20
_COPY_AGAIN = "Copy or export the file again from its source."


class ByteStream(Protocol):
    """Bytes of known or bounded number, read once and in order."""

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes; VolumeFileError if fewer are there."""

    def read_into(self, target: npt.NDArray[np.uint8]) -> None:
        """Fill ``target``, one-dimensional and contiguous; VolumeFileError if there are too few bytes."""

    def require_left(self, count: int) -> None:
        """Raise VolumeFileError if the stream cannot hold ``count`` more bytes; nothing is read or allocated."""

    def finish(self) -> None:
        """Raise VolumeFileError unless every byte was read and every checksum was right."""


class HashedFile:
    """A binary file that is read once, forwards, and hashed on the way."""

    def __init__(self, file: BinaryIO, size_bytes: int, path: str) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.left = size_bytes
        self.path = path

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end."""
        data = self._file.read(min(count, self.left))
        self._sha256.update(data)
        self.left -= len(data)
        if not data:
            self.left = 0
        return data

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was read."""
        return self._sha256.hexdigest()


class PlainStream:
    """The rest of a file as it is."""

    def __init__(self, file: HashedFile) -> None:
        self._file = file

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        data = self._file.read(count)
        if len(data) != count:
            raise truncated(self._file.path, count, len(data))
        return data

    def read_into(self, target: npt.NDArray[np.uint8]) -> None:
        """Fill ``target``."""
        for start in range(0, target.size, _CHUNK_BYTES):
            part = target[start : start + _CHUNK_BYTES]
            part[:] = np.frombuffer(self.read(part.size), dtype=np.uint8)

    def require_left(self, count: int) -> None:
        """Raise VolumeFileError unless exactly ``count`` bytes are left."""
        if self._file.left < count:
            raise truncated(self._file.path, count, self._file.left)
        if self._file.left > count:
            raise too_long(self._file.path, f"{count} bytes of voxels", f"{self._file.left} bytes")

    def finish(self) -> None:
        """Raise VolumeFileError if bytes are left."""
        if self._file.left:
            raise too_long(self._file.path, "the end of the file", f"{self._file.left} more bytes")


class DeflateStream:
    """The rest of a file, compressed with gzip (one or several members) or zlib; checksums are verified."""

    def __init__(self, file: HashedFile, log: FindingLog, *, gzip: bool) -> None:
        self._file = file
        self._log = log
        self._gzip = gzip
        self._inflater = self._new_inflater()
        self._pending = b""
        self._members = 1
        self._at_end = False

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` decompressed bytes; small headers only."""
        target = np.empty(count, dtype=np.uint8)
        self.read_into(target)
        return target.tobytes()

    def read_into(self, target: npt.NDArray[np.uint8]) -> None:
        """Fill ``target`` with decompressed bytes."""
        filled = 0
        while filled < target.size:
            data = self._inflate(min(target.size - filled, 4 * _CHUNK_BYTES))
            if not data:
                raise truncated(self._file.path, target.size, filled)
            target[filled : filled + len(data)] = np.frombuffer(data, dtype=np.uint8)
            filled += len(data)

    def require_left(self, count: int) -> None:
        """Raise VolumeFileError if the compressed bytes that are left could never expand to ``count``."""
        compressed = self._file.left + len(self._pending) + len(self._inflater.unused_data)
        if count > (compressed + _CHUNK_BYTES // DEFLATE_MAX_RATIO) * DEFLATE_MAX_RATIO:
            raise truncated(self._file.path, count, compressed * DEFLATE_MAX_RATIO, qualifier="at most ")

    def finish(self) -> None:
        """Raise VolumeFileError if more voxels follow, if a checksum is wrong, or if the file goes on after its end."""
        if self._inflate(1):
            raise too_long(self._file.path, "the end of the compressed data", "more data than the header declares")

    def _new_inflater(self) -> zlib._Decompress:
        return zlib.decompressobj(_GZIP_WINDOW_BITS if self._gzip else _ZLIB_WINDOW_BITS)

    def _inflate(self, limit: int) -> bytes:
        """Return 1 to ``limit`` bytes, or none at the verified end."""
        while not self._at_end:
            if self._inflater.eof:
                self._next_member()
                continue
            if not self._pending:
                self._pending = self._file.read(_CHUNK_BYTES)
            exhausted = not self._pending
            try:
                data = self._inflater.decompress(self._pending, limit)
            except zlib.error as error:
                raise damaged(self._file.path, str(error)) from error
            self._pending = self._inflater.unconsumed_tail
            if data:
                return data
            if exhausted and not self._inflater.eof:
                raise VolumeFileError(
                    "The file is truncated.",
                    expected="the end of the compressed data with its checksum",
                    found="the end of the file",
                    path=self._file.path,
                    remedy=_COPY_AGAIN,
                )
        return b""

    def _next_member(self) -> None:
        rest = self._inflater.unused_data
        if len(rest) < len(GZIP_MAGIC):
            rest += self._file.read(_CHUNK_BYTES)
        if self._gzip and rest.startswith(GZIP_MAGIC):
            self._members += 1
            if self._members > MAX_GZIP_MEMBERS:
                raise damaged(self._file.path, f"more than {MAX_GZIP_MEMBERS} members")
            self._inflater, self._pending = self._new_inflater(), rest
            return
        self._at_end = True
        self._check_tail(rest)

    def _check_tail(self, tail: bytes) -> None:
        length = 0
        while tail:
            length += len(tail)
            if tail.strip(b"\0"):
                raise too_long(self._file.path, "the end of the compressed data", "other bytes after it")
            tail = self._file.read(_CHUNK_BYTES)
        if length:
            self._log.fault(too_long(self._file.path, "the end of the compressed data", f"{length} padding zeros after it"))


def truncated(path: str, expected: int, found: int, qualifier: str = "") -> VolumeFileError:
    """Return the error for a file that ends too early; sizes in bytes."""
    return VolumeFileError(
        "The file is truncated, or its header declares more than it holds.",
        expected=f"{expected} bytes",
        found=f"{qualifier}{found} bytes",
        path=path,
        remedy=_COPY_AGAIN,
    )


def too_long(path: str, expected: str, found: str) -> VolumeFileError:
    """Return the error for a file that goes on after its end."""
    return VolumeFileError(
        "The file does not end where its header says.", expected=expected, found=found, path=path, remedy=_COPY_AGAIN
    )


def damaged(path: str, reason: str) -> VolumeFileError:
    """Return the error for compressed data that cannot be decompressed."""
    return VolumeFileError(
        "The compressed data are damaged.", expected="intact gzip or zlib data", found=reason, path=path, remedy=_COPY_AGAIN
    )
