"""The container: a zip file in one canonical form.

A zip has room for things that are not content: times, attributes, comments, gaps, bytes before and after. Here they all have
one fixed value. Members are stored, not compressed, in the order of their names, so the members alone determine every byte of
the file on every machine and with every version of zlib. A file is accepted only if packing its members again gives the same
bytes. Stored members also cannot grow while they are read, so there is no zip bomb.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from kdseg.bundle.members import ARCHIVE_OVERHEAD_BYTES
from kdseg.errors import BundleIntegrityError

_VERSION_NEEDED = 20
_MADE_BY_UNIX = (3 << 8) | _VERSION_NEEDED
_DOS_DATE_1980_01_01 = (1 << 5) | 1
_REGULAR_FILE_RW_R_R = (stat.S_IFREG | 0o644) << 16
_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError, struct.error, zlib.error)
_REMEDY = "Get the student again from where it was published, and compare its SHA-256."


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the canonical zip of ``members``: name → content, ASCII names, each below 2 GiB."""
    return b"".join(_chunks(members))


def unpack(data: bytes, limits_bytes: Mapping[str, int], source: str) -> Dict[str, bytes]:
    """Return the members of a canonical zip.

    Parameters
    ----------
    data
        The whole file.
    limits_bytes
        The names that must be there, each exactly once and none besides, with their largest size in bytes.
    source
        Named in errors.

    Raises
    ------
    BundleIntegrityError
        If the file is not a zip; a name is duplicated, unknown, missing or leaves the folder; a member is a link, encrypted,
        compressed, too large or fails its CRC; or any other byte differs from the canonical form.
    """
    if len(data) > sum(limits_bytes.values()) + ARCHIVE_OVERHEAD_BYTES:
        raise _error("The file is too large.", "at most the sum of its members' limits", f"{len(data)} bytes", source)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_names([i.filename for i in infos], limits_bytes, source)
            for info in infos:
                _check_member(info, limits_bytes[info.filename], source)
            members = {i.filename: _read(archive, i, source) for i in infos}
    except _DAMAGED as error:
        raise _error("The file is not an intact zip file.", "a complete student", str(error), source) from error
    _check_canonical(data, members, source)
    return members


def _check_names(names: List[str], limits_bytes: Mapping[str, int], source: str) -> None:
    for name in names:
        fault = _path_fault(name)
        if fault is not None:
            raise _error(f"A member leaves the folder: {fault}.", "plain file names", repr(name), source)
    unknown = sorted(set(names) - set(limits_bytes))
    if unknown:
        raise _error(
            "The student holds files that do not belong there.", ", ".join(sorted(limits_bytes)), repr(unknown), source
        )
    duplicated = sorted({name for name in names if names.count(name) > 1})
    if duplicated:
        raise _error("A member is there more than once.", "each name once", ", ".join(duplicated), source)
    missing = sorted(set(limits_bytes) - set(names))
    if missing:
        raise _error("The student is incomplete.", ", ".join(sorted(limits_bytes)), f"no {', '.join(missing)}", source)


def _path_fault(name: str) -> Optional[str]:
    if "\\" in name:
        return "a backslash in its name"
    if name.startswith("/") or name[1:2] == ":":
        return "an absolute path"
    if ".." in name.split("/"):
        return "a parent folder in its path"
    if "/" in name:
        return "a folder in its path"
    return None


def _check_member(info: zipfile.ZipInfo, limit_bytes: int, source: str) -> None:
    name = info.filename
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _error(f"{name} is a symbolic link.", "a regular file", "a link", source)
    if info.flag_bits & _ENCRYPTED:
        raise _error(f"{name} is encrypted.", "a plain member", "the encryption flag", source)
    if info.compress_type != zipfile.ZIP_STORED:
        found = f"compression method {info.compress_type}, {info.compress_size} bytes that claim to be {info.file_size}"
        raise _error(f"{name} is compressed; students store their members as they are.", "a stored member", found, source)
    if info.file_size > limit_bytes:
        raise _error(f"{name} is too large.", f"at most {limit_bytes} bytes", f"{info.file_size} bytes", source)
    if info.compress_size != info.file_size:
        found = f"{info.compress_size} and {info.file_size} bytes"
        raise _error(f"{name} states two different sizes.", "the same size twice", found, source)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: str) -> bytes:
    with archive.open(info) as member:
        content = member.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise _error(f"{info.filename} is cut off.", f"{info.file_size} bytes", f"{len(content)} bytes", source)
    return content


def _check_canonical(data: bytes, members: Mapping[str, bytes], source: str) -> None:
    view, position = memoryview(data), 0
    for chunk in _chunks(members):
        if view[position : position + len(chunk)] != chunk:
            raise _error(
                "Bytes between the members were changed.",
                "the canonical zip form (stored members in the order of their names, no times, attributes or comments)",
                f"a difference at or after byte {position}",
                source,
            )
        position += len(chunk)
    if position != len(data):
        raise _error("Something follows the end of the zip.", f"{position} bytes", f"{len(data)} bytes", source)


def _chunks(members: Mapping[str, bytes]) -> Iterator[bytes]:
    directory: List[bytes] = []
    position = 0
    for name, content in sorted(members.items()):
        encoded, common = _common_header(name, content)
        header = struct.pack("<I", 0x04034B50) + common + encoded
        directory.append(_directory_entry(common, encoded, position))
        yield header
        yield content
        position += len(header) + len(content)
    entries = b"".join(directory)
    yield entries
    yield struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(directory), len(directory), len(entries), position, 0)


def _common_header(name: str, content: bytes) -> Tuple[bytes, bytes]:
    encoded = name.encode("ascii")
    size = len(content)
    fields = (_VERSION_NEEDED, 0, zipfile.ZIP_STORED, 0, _DOS_DATE_1980_01_01, zlib.crc32(content), size, size, len(encoded), 0)
    return encoded, struct.pack("<HHHHHIIIHH", *fields)


def _directory_entry(common: bytes, encoded: bytes, position: int) -> bytes:
    signature = struct.pack("<IH", 0x02014B50, _MADE_BY_UNIX)
    return signature + common + struct.pack("<HHHII", 0, 0, 0, _REGULAR_FILE_RW_R_R, position) + encoded


def _error(problem: str, expected: str, found: str, source: str) -> BundleIntegrityError:
    return BundleIntegrityError(problem, expected=expected, found=found[:300], path=source, remedy=_REMEDY)
