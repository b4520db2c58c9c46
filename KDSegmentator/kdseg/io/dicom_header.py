"""The few elements of a DICOM file that decide to which series it belongs and whether its pixels are all there."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Tuple

from kdseg.errors import DicomSeriesError

SOP_CLASS_UID = (0x0008, 0x0016)
SERIES_DESCRIPTION = (0x0008, 0x103E)
SERIES_UID = (0x0020, 0x000E)
POSITION = (0x0020, 0x0032)
ORIENTATION = (0x0020, 0x0037)
SAMPLES_PER_PIXEL = (0x0028, 0x0002)
PHOTOMETRIC = (0x0028, 0x0004)
FRAMES = (0x0028, 0x0008)
ROWS = (0x0028, 0x0010)
COLUMNS = (0x0028, 0x0011)
PIXEL_SPACING = (0x0028, 0x0030)
BITS_ALLOCATED = (0x0028, 0x0100)
_PIXELS = {(0x7FE0, 0x0008): "float", (0x7FE0, 0x0009): "double", (0x7FE0, 0x0010): "integer"}
_TRANSFER_SYNTAX = (0x0002, 0x0010)
_KEPT = {
    SOP_CLASS_UID, SERIES_DESCRIPTION, SERIES_UID, POSITION, ORIENTATION, SAMPLES_PER_PIXEL, PHOTOMETRIC, FRAMES, ROWS, COLUMNS,
    PIXEL_SPACING, BITS_ALLOCATED,
}  # fmt: skip

_BIG_ENDIAN, _IMPLICIT, _DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
_LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_MAX_NESTING = 32

Tag = Tuple[int, int]


@dataclass(frozen=True)
class DicomHeader:
    """What one file says.

    Attributes
    ----------
    path, sha256, size_bytes
        The file, the digest of all its bytes and their number.
    values
        Raw values of the elements kept, as bytes.
    has_pixels
        Whether pixel data are there, whole.
    byte_order
        ``<`` or ``>``, for :meth:`number`.
    """

    path: Path
    sha256: str
    size_bytes: int
    values: Dict[Tag, bytes]
    has_pixels: bool
    byte_order: str

    def text(self, tag: Tag) -> str:
        """Return a string element without padding; empty if it is missing."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def number(self, tag: Tag) -> Optional[int]:
        """Return a 16-bit element, or None if it is missing."""
        raw = self.values.get(tag, b"")
        return int(struct.unpack(self.byte_order + "H", raw[:2])[0]) if len(raw) >= 2 else None


def is_dicom(path: Path) -> bool:
    """Tell whether the file has DICOM's preamble."""
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom_header(path: Path) -> DicomHeader:
    """Walk through the elements of one file, to its end.

    Raises
    ------
    DicomSeriesError
        If an element or the pixel data run over the end of the file, or the structure is damaged.
    """
    data = path.read_bytes()
    try:
        return _Walker(path, data).header()
    except (struct.error, RecursionError) as error:
        raise _damaged(path, "an element that leaves the file") from error


class _Walker:
    """Reads elements in order; sequences and pixel fragments are passed over, but their lengths are followed."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self._data, self._at = path, data, 132
        self._order, self._explicit = "<", True

    def header(self) -> DicomHeader:
        values: Dict[Tag, bytes] = {}
        has_pixels = False
        syntax = self._meta()
        if syntax == _DEFLATED:
            raise DicomSeriesError("The transfer syntax is not supported.", found="deflated", path=self._path)
        self._explicit, self._order = syntax != _IMPLICIT, ">" if syntax == _BIG_ENDIAN else "<"
        while self._at < len(self._data):
            tag, vr, length = self._element()
            start = self._at
            self._pass(tag, vr, length, 0)
            if tag in _KEPT:
                values[tag] = self._data[start : self._at]
            if tag in _PIXELS:
                has_pixels = True
                if length != _UNDEFINED:
                    self._check_pixel_bytes(values, length)
        digest = hashlib.sha256(self._data).hexdigest()
        return DicomHeader(self._path, digest, len(self._data), values, has_pixels, self._order)

    def _meta(self) -> str:
        syntax = _IMPLICIT
        while self._at + 8 <= len(self._data) and self._data[self._at : self._at + 2] == b"\x02\x00":
            tag, vr, length = self._element()
            start = self._at
            self._pass(tag, vr, length, 0)
            if tag == _TRANSFER_SYNTAX:
                syntax = self._data[start : self._at].decode("latin-1").strip(" \0")
        return syntax

    def _unpack(self, layout: str) -> Tuple[int, ...]:
        values: Tuple[int, ...] = struct.unpack_from(self._order + layout, self._data, self._at)
        self._at += struct.calcsize(self._order + layout)
        return values

    def _element(self) -> Tuple[Tag, str, int]:
        group, element = self._unpack("HH")
        tag = (group, element)
        if not self._explicit or tag in (_ITEM, _ITEM_END, _SEQUENCE_END):
            return tag, "", self._unpack("L")[0]
        vr = self._data[self._at : self._at + 2].decode("latin-1")
        self._at += 2
        if not (len(vr) == 2 and vr.isascii() and vr.isalpha() and vr.isupper()):
            raise _damaged(self._path, f"an unknown value representation {vr!r}")
        if vr in _LONG_VRS:
            return tag, vr, self._unpack("HL")[1]
        return tag, vr, self._unpack("H")[0]

    def _pass(self, tag: Tag, vr: str, length: int, depth: int) -> None:
        if depth > _MAX_NESTING:
            raise _damaged(self._path, "sequences nested too deeply")
        if length == _UNDEFINED:
            self._pass_items(encapsulated=tag in _PIXELS, unknown=vr == "UN", depth=depth)
            return
        if self._at + length > len(self._data):
            raise DicomSeriesError(
                "The DICOM file is truncated.",
                expected=f"{length} bytes in element ({tag[0]:04x},{tag[1]:04x})",
                found=f"{len(self._data) - self._at} bytes",
                path=self._path,
                remedy="Export the series again from the scanner or PACS.",
            )
        self._at += length

    def _pass_items(self, *, encapsulated: bool, unknown: bool, depth: int) -> None:
        explicit = self._explicit
        self._explicit = explicit and not unknown
        while True:
            tag, _, length = self._element()
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM:
                raise _damaged(self._path, "a sequence without its items")
            if length != _UNDEFINED or encapsulated:
                self._pass(tag, "", length, depth + 1)
                continue
            while True:
                inner, vr, inner_length = self._element()
                if inner == _ITEM_END:
                    break
                self._pass(inner, vr, inner_length, depth + 1)
        self._explicit = explicit

    def _check_pixel_bytes(self, values: Dict[Tag, bytes], length: int) -> None:
        header = DicomHeader(self._path, "", 0, values, False, self._order)
        bits, rows, columns = (header.number(tag) for tag in (BITS_ALLOCATED, ROWS, COLUMNS))
        if bits is None or rows is None or columns is None:
            return
        frames = header.text(FRAMES) or "1"
        samples = header.number(SAMPLES_PER_PIXEL) or 1
        expected = (bits * rows * columns * samples * (int(frames) if frames.isdigit() else 1) + 7) // 8
        if length not in (expected, expected + expected % 2):
            raise DicomSeriesError(
                "The pixel data do not fit the size of the slice.",
                expected=f"{expected} bytes for {rows} × {columns} pixels",
                found=f"{length} bytes",
                path=self._path,
                remedy="Export the series again from the scanner or PACS.",
            )


def _damaged(path: Path, found: str) -> DicomSeriesError:
    return DicomSeriesError(
        "The DICOM file is damaged.", expected="DICOM elements", found=found, path=path, remedy="Export the series again."
    )
