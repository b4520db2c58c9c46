"""NRRD headers with attached data, rule by rule."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

import numpy as np

from kdseg.errors import GeometryError
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

_TYPES: Dict[str, str] = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"), "i8"
    ),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_TYPE_NAMES = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64",
    "f4": "float", "f8": "double",
}  # fmt: skip
_SPACES = {
    "left-posterior-superior": "left-posterior-superior",
    "lps": "left-posterior-superior",
    "right-anterior-superior": "right-anterior-superior",
    "ras": "right-anterior-superior",
    "left-anterior-superior": "left-anterior-superior",
    "las": "left-anterior-superior",
}
_ALIASES = {
    "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "centerings": "centers", "oldmin": "old min",
    "oldmax": "old max", "axismins": "axis mins", "axismaxs": "axis maxs", "blocksize": "block size",
    "sampleunits": "sample units",
}  # fmt: skip
_USED = {
    "type", "dimension", "sizes", "encoding", "endian", "space", "space dimension", "space directions", "space origin",
    "spacings", "kinds", "space units",
}  # fmt: skip
_IGNORED = {
    "content", "number", "min", "max", "old min", "old max", "labels", "units", "sample units", "measurement frame",
    "thicknesses", "centers",
}  # fmt: skip
_ATTACH = "Save the volume as one .nrrd file with attached data."
_DETACHED = "The voxels are in another file."


def open_nrrd(file: HashedFile, path: str, log: FindingLog) -> Tuple[ByteStream, RasterHeader]:
    """Read and check the header; return the stream of the voxels and the header.

    Raises
    ------
    VolumeFileError, GeometryError
        With the field that is wrong; detached data and encodings other than raw and gzip are refused by name.
    """
    fields = _fields(file, path)
    header = _header(fields, path, log)
    stream: ByteStream = DeflateStream(file, log, gzip=True) if _is_gzip(fields, path) else PlainStream(file)
    return stream, header


def _fields(file: HashedFile, path: str) -> Dict[str, str]:
    lines = LineReader(file)
    magic = lines.line()
    if not re.fullmatch(r"NRRD000[1-5]", magic):
        raise header_error("This is not an NRRD file.", "NRRD0001 to NRRD0005 in the first line", repr(magic[:20]), path)
    fields: Dict[str, str] = {}
    while True:
        line = lines.line()
        if not line:
            return fields
        name, separator, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        name = _ALIASES.get(name.strip().lower(), name.strip().lower())
        if not separator or name not in _USED | _IGNORED:
            _refuse_field(name, value, path)
        if name in fields:
            raise header_error("A field is there twice.", "each field once", f"'{name}'", path)
        fields[name] = value.strip()


def _refuse_field(name: str, value: str, path: str) -> None:
    if name == "data file":
        raise header_error(_DETACHED, "attached data", f"data file: {value.strip()[:80]}", path, _ATTACH)
    raise header_error(
        "The header holds a field that is not supported.", "fields of an attached 3-D NRRD", f"'{name[:40]}'", path
    )


def _required(fields: Dict[str, str], name: str, path: str) -> str:
    if not fields.get(name):
        raise header_error("A field is missing.", f"'{name}'", "a header without it", path)
    return fields[name]


def _is_gzip(fields: Dict[str, str], path: str) -> bool:
    encoding = _required(fields, "encoding", path).lower()
    if encoding in ("gzip", "gz"):
        return True
    if encoding == "raw":
        return False
    raise header_error(
        "The encoding is not supported.", "raw or gzip", repr(encoding), path, "Save the volume with gzip encoding."
    )


def _header(fields: Dict[str, str], path: str, log: FindingLog) -> RasterHeader:
    dimension = integers(_required(fields, "dimension", path), "dimension", path)
    sizes = integers(_required(fields, "sizes", path), "sizes", path)
    if dimension != [len(sizes)]:
        raise header_error("dimension and sizes contradict each other.", f"{dimension} sizes", f"{sizes}", path)
    kinds = fields.get("kinds", "").lower().split()
    if any(kind not in ("domain", "space", "???", "none") for kind in kinds):
        raise not_scalar(f"kinds: {fields['kinds']}", path)
    if len(sizes) != 3:
        raise not_three_dimensional(sizes, path)
    if kinds and len(kinds) != 3:
        raise header_error("kinds and dimension contradict each other.", "3 kinds", fields["kinds"], path)
    shape = check_sizes(sizes, path)
    dtype = _dtype(fields, path)
    return RasterHeader(shape, dtype, _clean(shape, dtype, _grid_lines(fields, path, log)), ".nrrd")


def _dtype(fields: Dict[str, str], path: str) -> np.dtype[Any]:
    name = " ".join(_required(fields, "type", path).lower().split())
    if name not in _TYPES:
        raise header_error("The type is not supported.", "an integer or floating-point type", repr(name), path)
    dtype = np.dtype(_TYPES[name])
    if dtype.itemsize == 1:
        return dtype
    endian = _required(fields, "endian", path).lower()
    if endian not in ("little", "big"):
        raise header_error("The byte order is damaged.", "little or big", repr(endian), path)
    return dtype.newbyteorder("<" if endian == "little" else ">")


def _grid_lines(fields: Dict[str, str], path: str, log: FindingLog) -> List[str]:
    """Check where the grid lies and return the lines that say so, for the clean header."""
    if "space directions" not in fields:
        return _unoriented(fields, path, log)
    if "spacings" in fields:
        raise header_error("Two fields say the spacing.", "'space directions' only", "also 'spacings'", path)
    if fields.get("space dimension", "3") != "3":
        raise header_error("The space has not 3 dimensions.", "3", repr(fields["space dimension"]), path)
    _check_units(fields, path)
    lines = ["space dimension: 3"]
    space = fields.get("space", "").lower()
    if space in _SPACES:
        lines = [f"space: {_SPACES[space]}"]
    elif space and space not in ("scanner-xyz", "3d-right-handed", "3d-left-handed"):
        raise GeometryError("The space is not supported.", expected="left-posterior-superior", found=repr(space), path=path)
    else:
        log.fault(orientation_unknown(path, f"space: {space or 'missing'}"))
    steps = _vectors(fields["space directions"], 3, "space directions", path)
    check_axes(np.array([numbers(v, "space directions", 3, path) for v in steps]).T, path)
    origin = fields.get("space origin")
    if origin is None:
        log.fault(orientation_unknown(path, "no space origin"))
        origin = "(0,0,0)"
    (position,) = _vectors(origin, 1, "space origin", path)
    numbers(position, "space origin", 3, path)
    directions = " ".join(f"({','.join(v.split())})" for v in steps)
    return [*lines, f"space directions: {directions}", f"space origin: ({','.join(position.split())})"]


def _unoriented(fields: Dict[str, str], path: str, log: FindingLog) -> List[str]:
    spacing = numbers(_required(fields, "spacings", path), "spacings", 3, path)
    check_spacing(spacing, path)
    if "space origin" in fields or "space" in fields:
        raise header_error("A field is missing.", "'space directions'", "a space without directions", path)
    log.fault(orientation_unknown(path, "no space directions"))
    return [f"spacings: {fields['spacings']}"]


def _check_units(fields: Dict[str, str], path: str) -> None:
    units = re.findall(r'"([^"]*)"', fields.get("space units", ""))
    if any(unit.strip().lower() not in ("mm", "millimeter", "millimeters", "") for unit in units):
        raise GeometryError(
            "The spacing is not in millimetres.", expected="mm", found=f"{units}", path=path, remedy="Convert it to mm."
        )


def _vectors(text: str, count: int, field: str, path: str) -> List[str]:
    """Return the insides of ``count`` parentheses with blanks instead of commas."""
    if not re.fullmatch(r"(\s*\([^()]*\)\s*)*", text) or text.count("(") != count:
        raise header_error(f"The field '{field}' is damaged.", f"{count} × (x,y,z)", repr(text[:80]), path)
    parts = [part.split(",") for part in re.findall(r"\(([^()]*)\)", text)]
    if any(len(part) != 3 for part in parts):
        raise header_error(f"The field '{field}' is damaged.", f"{count} × (x,y,z)", repr(text[:80]), path)
    return [" ".join(part) for part in parts]


def _clean(sizes: Tuple[int, int, int], dtype: np.dtype[Any], grid: List[str]) -> bytes:
    """Return a header that keeps the grid and nothing of the patient."""
    lines = [
        "NRRD0004",
        f"type: {_TYPE_NAMES[dtype.str[1:]]}",
        "dimension: 3",
        *[line for line in grid if line.startswith("space:") or line.startswith("space dimension:")],
        f"sizes: {sizes[0]} {sizes[1]} {sizes[2]}",
        *[line for line in grid if not (line.startswith("space:") or line.startswith("space dimension:"))],
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")
