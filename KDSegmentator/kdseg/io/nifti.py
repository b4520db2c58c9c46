"""NIfTI-1 headers, rule by rule: what nifti_clib and nibabel accept without a word is refused here."""

from __future__ import annotations

import math
from typing import Any, Dict, Literal, Optional, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError, VolumeFileError
from kdseg.io.findings import FindingLog
from kdseg.io.nifti_affine import check_orientation
from kdseg.io.raster import (
    RasterHeader,
    Scaling,
    check_sizes,
    check_spacing,
    not_scalar,
    not_three_dimensional,
)
from kdseg.io.streams import ByteStream, truncated

HEADER_DTYPE = np.dtype(
    [
        ("sizeof_hdr", "i4"),
        ("unused_1", "V36"),
        ("dim", "i2", (8,)),
        ("intent", "V14"),
        ("datatype", "i2"),
        ("bitpix", "i2"),
        ("slice_start", "i2"),
        ("pixdim", "f4", (8,)),
        ("vox_offset", "f4"),
        ("scl_slope", "f4"),
        ("scl_inter", "f4"),
        ("slice", "V3"),
        ("xyzt_units", "u1"),
        ("unused_2", "V24"),
        ("text", "V104"),
        ("qform_code", "i2"),
        ("sform_code", "i2"),
        ("quaternion", "f4", (3,)),
        ("qoffset", "f4", (3,)),
        ("srow", "f4", (3, 4)),
        ("intent_name", "V16"),
        ("magic", "S4"),
    ]
)
"""The 348 bytes of a NIfTI-1 header; fields that do not matter here are lumped together."""

DATA_OFFSET = 352
"""Where the voxels of a single-file NIfTI begin when there are no extensions, in bytes."""

MAX_EXTENSION_BYTES = 64 * 1024**2
"""The largest header extensions that are skipped, in bytes."""

SCALING_EPSILON = float(np.finfo(np.float64).eps)
"""ITK takes a slope or intercept nearer than this to 1 or 0 for exactly that."""

_Order = Literal["<", ">"]
_ORDERS: Tuple[_Order, _Order] = ("<", ">")
_TYPES: Dict[int, str] = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_NOT_SCALAR: Dict[int, str] = {
    1: "binary bits", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2048: "complex256", 2304: "RGBA",
}  # fmt: skip
_MILLIMETRE, _UNIT_NAMES = 2, {1: "metre", 3: "micrometre"}
_REPAIR = "Repair the header, or convert the original DICOM series again."


def read_header(stream: ByteStream, path: str, log: FindingLog) -> RasterHeader:
    """Read and check the header, and leave ``stream`` at the first voxel.

    Raises
    ------
    VolumeFileError, GeometryError
        With the field that is wrong.
    """
    raw = stream.read(HEADER_DTYPE.itemsize)
    fields, order = _parse(raw, path)
    _check_magic(fields, path)
    sizes = _sizes(fields, path)
    dtype = _dtype(fields, order, path, log)
    scaling = _scaling(fields, path, log)
    _check_spacing_and_units(fields, path, log)
    check_orientation(fields, path, log)
    _skip_extensions(stream, fields, path)
    return RasterHeader(sizes, dtype, _clean(fields, sizes, dtype), ".nii", scaling)


def _parse(raw: bytes, path: str) -> Tuple[npt.NDArray[Any], _Order]:
    for order in _ORDERS:
        fields = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder(order)).copy()[0]
        if fields["sizeof_hdr"] == HEADER_DTYPE.itemsize:
            return fields, order
        if fields["sizeof_hdr"] == 540:
            raise VolumeFileError(
                "This is a NIfTI-2 file.", expected="NIfTI-1", path=path, remedy="Save it as NIfTI-1 (.nii.gz) or NRRD."
            )
    raise VolumeFileError(
        "This is not a NIfTI file.",
        expected="a header of 348 bytes that says so",
        found=f"{raw[:4]!r}",
        path=path,
        remedy=_REPAIR,
    )


def _check_magic(fields: npt.NDArray[Any], path: str) -> None:
    magic = bytes(fields["magic"])
    if magic == b"n+1":
        return
    pair = magic == b"ni1"
    raise VolumeFileError(
        "The voxels are in another file (.hdr/.img pair)." if pair else "The NIfTI magic is wrong.",
        expected="a single-file NIfTI-1 (n+1)",
        found=f"{magic!r}",
        path=path,
        remedy="Convert the pair to one .nii.gz file." if pair else _REPAIR,
    )


def _sizes(fields: npt.NDArray[Any], path: str) -> Tuple[int, int, int]:
    dim = [int(v) for v in fields["dim"]]
    if not 1 <= dim[0] <= 7:
        raise VolumeFileError("dim[0] is impossible.", expected="3 dimensions", found=str(dim[0]), path=path, remedy=_REPAIR)
    sizes = dim[1 : 1 + dim[0]]
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        raise not_three_dimensional(sizes, path)
    return check_sizes(sizes, path)


def _dtype(fields: npt.NDArray[Any], order: _Order, path: str, log: FindingLog) -> np.dtype[Any]:
    code, bits = int(fields["datatype"]), int(fields["bitpix"])
    if code in _NOT_SCALAR:
        raise not_scalar(_NOT_SCALAR[code], path)
    if code not in _TYPES:
        raise VolumeFileError(
            "The datatype is unknown.", expected="a NIfTI-1 datatype", found=str(code), path=path, remedy=_REPAIR
        )
    dtype = np.dtype(_TYPES[code]).newbyteorder(order)
    if bits != 8 * dtype.itemsize:
        log.fault(
            VolumeFileError(
                "datatype and bitpix contradict each other.",
                expected=f"{8 * dtype.itemsize} bits for {dtype.name}",
                found=f"{bits} bits",
                path=path,
                remedy=_REPAIR,
            )
        )
    return dtype


def _scaling(fields: npt.NDArray[Any], path: str, log: FindingLog) -> Optional[Scaling]:
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    error = VolumeFileError(
        "The intensity scaling is impossible.",
        expected="a finite scl_slope that is not almost 0, and a finite scl_inter",
        found=f"scl_slope {slope}, scl_inter {intercept}",
        path=path,
        remedy=_REPAIR,
    )
    if math.isnan(slope) and (math.isnan(intercept) or intercept == 0):
        log.fault(error)  # every reader takes this for "no scaling"
        return None
    if not (math.isfinite(slope) and math.isfinite(intercept)) or 0 < abs(slope) < SCALING_EPSILON:
        raise error
    if slope == 0:
        if intercept != 0:
            raise error
        return None
    if abs(slope - 1) <= SCALING_EPSILON and abs(intercept) <= SCALING_EPSILON:
        return None
    return Scaling(slope, intercept)


def _check_spacing_and_units(fields: npt.NDArray[Any], path: str, log: FindingLog) -> None:
    unit = int(fields["xyzt_units"]) & 7
    if unit in _UNIT_NAMES:
        raise GeometryError(
            "The spacing is not in millimetres.", expected="mm", found=_UNIT_NAMES[unit], path=path, remedy="Convert it to mm."
        )
    if unit not in (0, _MILLIMETRE):
        log.fault(
            GeometryError("The unit of length is unknown.", expected="mm", found=f"code {unit}", path=path, remedy=_REPAIR)
        )
    check_spacing([float(v) for v in fields["pixdim"][1:4]], path)
    handedness = float(fields["pixdim"][0])
    if handedness not in (-1.0, 0.0, 1.0):
        raise GeometryError(
            "The handedness (pixdim[0]) is impossible.", expected="1 or -1", found=str(handedness), path=path, remedy=_REPAIR
        )


def _skip_extensions(stream: ByteStream, fields: npt.NDArray[Any], path: str) -> None:
    offset = float(fields["vox_offset"])
    if not (DATA_OFFSET <= offset <= DATA_OFFSET + MAX_EXTENSION_BYTES) or offset != int(offset):
        raise VolumeFileError(
            "The offset of the voxels is impossible.",
            expected=f"a whole number of bytes, at least {DATA_OFFSET}",
            found=str(offset),
            path=path,
            remedy=_REPAIR,
        )
    skipped = int(offset) - HEADER_DTYPE.itemsize
    found = len(stream.read(skipped))
    if found != skipped:
        raise truncated(path, skipped, found)


def _clean(fields: npt.NDArray[Any], sizes: Tuple[int, int, int], dtype: np.dtype[Any]) -> bytes:
    """Return a header that keeps the grid and nothing of the patient."""
    clean = np.zeros((), dtype=fields.dtype)
    for name in (
        "sizeof_hdr",
        "datatype",
        "pixdim",
        "xyzt_units",
        "qform_code",
        "sform_code",
        "quaternion",
        "qoffset",
        "srow",
        "magic",
    ):
        clean[name] = fields[name]
    clean["dim"] = [3, *sizes, 1, 1, 1, 1]
    clean["bitpix"] = 8 * dtype.itemsize
    clean["vox_offset"] = DATA_OFFSET
    clean["scl_slope"] = 1.0
    return clean.tobytes() + bytes(DATA_OFFSET - HEADER_DTYPE.itemsize)
