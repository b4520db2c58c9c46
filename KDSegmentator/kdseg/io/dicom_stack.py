"""Whether the slices of a series are one regular volume, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import DicomSeriesError, GeometryError
from kdseg.io import dicom_header as dh
from kdseg.io.dicom_header import DicomHeader

ORIENTATION_TOLERANCE = 1e-4
"""Largest difference between the direction cosines of two slices, per element."""

PIXEL_SPACING_TOLERANCE_MM = 1e-4
"""Largest difference between the pixel spacings of two slices, in mm."""

DUPLICATE_TOLERANCE_MM = 1e-3
"""Slices nearer than this lie at the same position, in mm."""

RELATIVE_GAP_TOLERANCE = 1e-2
"""Largest deviation of a gap between slices from the median gap, as a share of it."""

MIN_GAP_TOLERANCE_MM = 1e-2
"""Deviation of a gap that is always allowed, in mm: positions are often written with two decimals."""

IN_PLANE_TOLERANCE = 1e-2
"""Largest drift of the slices across their own plane, per gap and as a share of it; more is a tilted gantry."""

_EXPORT_AGAIN = "Export the whole series again from the scanner or PACS."


@dataclass(frozen=True)
class Slice:
    """Where one slice lies: position of its first pixel and cosines of rows and columns in LPS, sizes in pixels, mm."""

    path: Path
    position_mm: npt.NDArray[np.float64]
    cosines: npt.NDArray[np.float64]
    size: Tuple[int, int]
    spacing_mm: npt.NDArray[np.float64]


def parse_slice(header: DicomHeader) -> Slice:
    """Return where a slice lies; DicomSeriesError if its header does not say it in finite numbers."""
    rows, columns = header.number(dh.ROWS), header.number(dh.COLUMNS)
    if not rows or not columns:
        raise _missing(header.path, "Rows and Columns", f"{rows} × {columns}")
    return Slice(
        path=header.path,
        position_mm=_decimals(header, dh.POSITION, 3, "Image Position (Patient)"),
        cosines=_decimals(header, dh.ORIENTATION, 6, "Image Orientation (Patient)").reshape(2, 3),
        size=(rows, columns),
        spacing_mm=_decimals(header, dh.PIXEL_SPACING, 2, "Pixel Spacing"),
    )


def order_slices(slices: Sequence[Slice], folder: Path) -> List[Slice]:
    """Return the slices along the normal of their plane, as GDCM orders them.

    Raises
    ------
    DicomSeriesError
        If there are fewer than two slices; if a slice differs in size, orientation or spacing; if a slice is missing or
        duplicate, or the gaps are irregular.
    GeometryError
        If the slices are not stacked along their normal (tilted gantry).
    """
    if len(slices) < 2:
        raise DicomSeriesError(
            "The series has one slice.", expected="at least 2 slices", found=f"{len(slices)}", path=folder, remedy=_EXPORT_AGAIN
        )
    for other in slices[1:]:
        _check_same_plane(slices[0], other)
    normal = np.cross(slices[0].cosines[0], slices[0].cosines[1])
    depths = np.array([float(s.position_mm @ normal) for s in slices])
    order = np.argsort(depths, kind="stable")
    ordered = [slices[i] for i in order]
    _check_gaps(ordered, depths[order], folder)
    _check_straight(ordered, normal, folder)
    return ordered


def _check_same_plane(first: Slice, other: Slice) -> None:
    differences = [
        ("size in pixels", first.size, other.size, first.size == other.size),
        (
            "orientation",
            first.cosines.ravel().tolist(),
            other.cosines.ravel().tolist(),
            np.abs(first.cosines - other.cosines).max() <= ORIENTATION_TOLERANCE,
        ),
        (
            "pixel spacing",
            first.spacing_mm.tolist(),
            other.spacing_mm.tolist(),
            np.abs(first.spacing_mm - other.spacing_mm).max() <= PIXEL_SPACING_TOLERANCE_MM,
        ),
    ]
    for what, expected, found, equal in differences:
        if not equal:
            raise DicomSeriesError(
                f"The slices of the series differ in {what}.",
                expected=f"{expected} as in {first.path.name}",
                found=f"{found}",
                path=other.path,
                remedy="Remove localizers and other images from the folder, or export the series again.",
            )


def _check_gaps(ordered: Sequence[Slice], depths: npt.NDArray[np.float64], folder: Path) -> None:
    gaps = np.diff(depths)
    for i in np.flatnonzero(gaps < DUPLICATE_TOLERANCE_MM).tolist():
        raise DicomSeriesError(
            "Two slices of the series lie at the same position.",
            expected="one slice for each position",
            found=f"{ordered[i].path.name} and {ordered[i + 1].path.name} at {depths[i]:.3f} mm along the normal",
            path=folder,
            remedy="Remove the duplicate, or split the time points of the series into folders.",
        )
    step = float(np.median(gaps))
    tolerance = max(RELATIVE_GAP_TOLERANCE * step, MIN_GAP_TOLERANCE_MM)
    for i in np.flatnonzero(np.abs(gaps - step) > tolerance).tolist():
        missing = round(float(gaps[i]) / step) - 1
        where = (
            f"a gap of {gaps[i]:.3f} mm between {ordered[i].path.name} ({depths[i]:.3f} mm along the normal) and "
            f"{ordered[i + 1].path.name} ({depths[i + 1]:.3f} mm), the median gap is {step:.3f} mm"
        )
        if missing >= 1 and abs(gaps[i] - (missing + 1) * step) <= tolerance * (missing + 1):
            problem = "A slice of the series is missing." if missing == 1 else f"{missing} slices of the series are missing."
        else:
            problem = "The slices of the series are not spaced regularly."
        raise DicomSeriesError(
            problem, expected="equal gaps between all slices", found=where, path=folder, remedy=_EXPORT_AGAIN
        )


def _check_straight(ordered: Sequence[Slice], normal: npt.NDArray[np.float64], folder: Path) -> None:
    offsets = np.array([s.position_mm - ordered[0].position_mm for s in ordered])
    along = offsets @ normal
    drift = np.linalg.norm(offsets - along[:, None] * normal, axis=1)
    step = float(along[-1]) / (len(ordered) - 1)
    allowed = max(IN_PLANE_TOLERANCE * step, MIN_GAP_TOLERANCE_MM) * np.arange(len(ordered))
    worst = int(np.argmax(drift - allowed))
    if drift[worst] > allowed[worst]:
        raise GeometryError(
            "The slices are not stacked along their normal (tilted gantry).",
            expected="a rectangular grid",
            found=f"{ordered[worst].path.name} is {drift[worst]:.3f} mm beside the normal through the first slice",
            path=folder,
            remedy="Correct the tilt first, for example with Slicer's acquisition geometry regularization.",
        )


def _decimals(header: DicomHeader, tag: dh.Tag, count: int, name: str) -> npt.NDArray[np.float64]:
    text = header.text(tag)
    try:
        values = np.array([float(part) for part in text.split("\\")], dtype=np.float64)
    except ValueError:
        raise _missing(header.path, name, repr(text)) from None
    if values.size != count or not np.isfinite(values).all():
        raise _missing(header.path, name, repr(text))
    return values


def _missing(path: Path, name: str, found: str) -> DicomSeriesError:
    return DicomSeriesError(
        f"A slice has no usable {name}.", expected="finite numbers", found=found, path=path, remedy=_EXPORT_AGAIN
    )
