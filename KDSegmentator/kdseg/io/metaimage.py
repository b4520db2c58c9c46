"""MetaImage headers (.mha) with attached data, rule by rule."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from kdseg.errors import VolumeFileError
from kdseg.io.findings import FindingLog
from kdseg.io.raster import (
    RasterHeader,
    check_axes,
    check_sizes,
    check_spacing,
    not_scalar,
    not_three_dimensional,
    orientation_unknown,
)
from kdseg.io.streams import ByteStream, DeflateStream, HashedFile, PlainStream
from kdseg.io.text_header import LineReader, header_error, integers, numbers

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_TYPE_NAMES = {kind: name for name, kind in _TYPES.items()}
_ALIASES = {
    "position": "offset", "origin": "offset", "rotation": "transformmatrix", "orientation": "transformmatrix",
    "elementbyteordermsb": "binarydatabyteordermsb",
}  # fmt: skip
_KNOWN_VALUES = {
    "objecttype": "image",
    "binarydata": "true",
    "elementnumberofchannels": "1",
    "headersize": "0",
    "distanceunits": "mm",
}
_ATTACH = "Save the volume as one .mha file with attached data, or as NRRD."


def open_metaimage(file: HashedFile, path: str, log: FindingLog) -> Tuple[ByteStream, RasterHeader]:
    """Read and check the header; return the stream of the voxels and the header.

    Raises
    ------
    VolumeFileError, GeometryError
        With the field that is wrong; detached and ASCII data are refused.
    """
    fields = _fields(file, path)
    header = _header(fields, path, log)
    if not _flag(fields, "compresseddata", path, default=False):
        return PlainStream(file), header
    if "compresseddatasize" in fields:
        declared = integers(fields["compresseddatasize"], "CompressedDataSize", path)
        if declared != [file.left]:
            raise VolumeFileError(
                "The compressed data are truncated, or the file does not end where its header says.",
                expected=f"{declared} bytes",
                found=f"{file.left} bytes",
                path=path,
                remedy="Copy or export the file again from its source.",
            )
    return DeflateStream(file, log, gzip=False), header


def _fields(file: HashedFile, path: str) -> Dict[str, str]:
    lines = LineReader(file)
    fields: Dict[str, str] = {}
    while True:
        name, separator, value = lines.line().partition("=")
        name, value = name.strip().lower(), value.strip()
        name = _ALIASES.get(name, name)
        if not separator or not name.replace("_", "").isalnum():
            raise header_error("This is not a MetaImage header.", "lines 'Key = Value'", repr(name[:40]), path)
        if not fields and name not in ("objecttype", "ndims", "comment"):
            raise header_error("This is not a MetaImage file.", "ObjectType = Image", repr(name[:40]), path)
        if name in fields:
            raise header_error("A field is there twice.", "each field once", f"'{name}'", path)
        fields[name] = value
        if name == "elementdatafile":
            if value != "LOCAL":
                raise header_error(
                    "The voxels are in another file.", "ElementDataFile = LOCAL", repr(value[:80]), path, _ATTACH
                )
            return fields


def _header(fields: Dict[str, str], path: str, log: FindingLog) -> RasterHeader:
    if fields.get("elementnumberofchannels", "1") != "1":
        raise not_scalar(f"{fields['elementnumberofchannels']} channels", path)
    for name, value in _KNOWN_VALUES.items():
        if fields.get(name, value).lower() != value:
            raise header_error(f"The field '{name}' has a value that is not supported.", value, repr(fields[name][:40]), path)
    dimensions = integers(_required(fields, "ndims", path), "NDims", path)
    sizes = integers(_required(fields, "dimsize", path), "DimSize", path)
    if dimensions != [len(sizes)]:
        raise header_error("NDims and DimSize contradict each other.", f"{dimensions} sizes", f"{sizes}", path)
    if len(sizes) != 3:
        raise not_three_dimensional(sizes, path)
    shape = check_sizes(sizes, path)
    dtype = _dtype(fields, path)
    return RasterHeader(shape, dtype, _clean(shape, dtype, _grid_lines(fields, path, log)), ".mha")


def _required(fields: Dict[str, str], name: str, path: str) -> str:
    if not fields.get(name):
        raise header_error("A field is missing.", f"'{name}'", "a header without it", path)
    return fields[name]


def _flag(fields: Dict[str, str], name: str, path: str, default: bool) -> bool:
    value = fields.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise header_error(f"The field '{name}' is damaged.", "True or False", repr(value[:40]), path)
    return value == "true"


def _dtype(fields: Dict[str, str], path: str) -> np.dtype[Any]:
    name = _required(fields, "elementtype", path).upper()
    if name.endswith("_ARRAY"):
        raise not_scalar(name, path)
    if name not in _TYPES:
        raise header_error("The type is not supported.", "an integer or floating-point type", repr(name[:40]), path)
    big = _flag(fields, "binarydatabyteordermsb", path, default=False)
    return np.dtype(_TYPES[name]).newbyteorder(">" if big else "<")


def _grid_lines(fields: Dict[str, str], path: str, log: FindingLog) -> List[str]:
    """Check where the grid lies and return the lines that say so, for the clean header."""
    spacing = numbers(fields.get("elementspacing", ""), "ElementSpacing", 3, path)
    check_spacing(spacing, path)
    lines = [f"ElementSpacing = {fields['elementspacing']}"]
    for name, label, count in (("transformmatrix", "TransformMatrix", 9), ("offset", "Offset", 3)):
        if name not in fields:
            log.fault(orientation_unknown(path, f"no {label}"))
            continue
        values = numbers(fields[name], label, count, path)
        if count == 9:
            check_axes(np.array(values).reshape(3, 3).T, path)
        lines.insert(0, f"{label} = {fields[name]}")
    return lines


def _clean(sizes: Tuple[int, int, int], dtype: np.dtype[Any], grid: List[str]) -> bytes:
    """Return a header that keeps the grid and nothing of the patient."""
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        *grid,
        f"DimSize = {sizes[0]} {sizes[1]} {sizes[2]}",
        f"ElementType = {_TYPE_NAMES[dtype.str[1:]]}",
        "ElementDataFile = LOCAL",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")
