"""A folder with one DICOM series, decoded by GDCM through SimpleITK after every header was checked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import DicomSeriesError, VolumeFileError
from kdseg.geometry import Geometry
from kdseg.io import dicom_header as dh
from kdseg.io.dicom_header import DicomHeader, is_dicom, read_dicom_header
from kdseg.io.dicom_stack import order_slices, parse_slice
from kdseg.io.findings import FindingLog
from kdseg.io.raster import check_memory
from kdseg.io.staging import geometry_of
from kdseg.io.volume_file import SUPPORTED, DecodedFile

_NOT_IMAGES = tuple(
    "1.2.840.10008.5.1.4.1.1." + suffix for suffix in ("9.", "11.", "66", "67", "68.", "88.", "104.", "481.3", "481.5", "481.8")
)
"""SOP classes that are left out: waveforms, presentation states, raw data and segmentations, reports, documents, RT plans."""

_SLICE_SUFFIXES = ("", ".dcm", ".ima", ".dicom")
_COMPANIONS = (".txt", ".xml", ".json", ".csv", ".pdf", ".html", ".md", ".jpg", ".png", ".ini", ".log", ".inf", "thumbs.db")
"""How files end that often lie beside slices. Any other may be a damaged slice: many exports name slices by their UID."""

_EXPORT_AGAIN = "Export the whole series again from the scanner or PACS."
_MULTI_FRAME = "Convert it to classic single-frame slices or to NRRD first, for example by loading and saving it in Slicer."


def read_dicom_series(
    folder: Path, log: FindingLog, series_uid: Optional[str] = None, memory_bytes: Optional[int] = None
) -> DecodedFile:
    """Read the images of one series in ``folder`` (its subfolders are not searched).

    Parameters
    ----------
    folder
        Holds one series, or several if ``series_uid`` chooses one. DICOM objects that are no images are left out and told as
        findings, and so are the usual companions of a series (text, pictures, indices); hidden files are passed over. When
        strict, any other file that is not DICOM is refused, because it may be a damaged slice.
    log
        Takes the findings.
    series_uid
        SeriesInstanceUID of the series to read.
    memory_bytes
        What the voxels may take, in bytes; None for no ceiling.

    Raises
    ------
    DicomSeriesError
        If no series or more than one is there, if a file is damaged or multi-frame, or the slices are no regular volume.
    GeometryError
        If the gantry was tilted or the geometry is impossible.
    MemoryLimitError
        If the voxels need more than ``memory_bytes``.
    """
    slices = _slices(folder, log, series_uid)
    check_memory(sum(map(_stored_bytes, slices)), memory_bytes, str(folder))
    voxels, geometry = _decode([header.path for header in slices], folder)
    return DecodedFile(voxels, geometry, _combined(slices), sum(header.size_bytes for header in slices), len(slices))


def hash_dicom_series(folder: Path) -> str:
    """Return the digest that :func:`read_dicom_series` gives for a folder with one series, without decoding it.

    Raises
    ------
    InputError
        If the series could not be read strictly.
    """
    return _combined(_slices(folder, FindingLog(strict=True), None))


def _slices(folder: Path, log: FindingLog, series_uid: Optional[str]) -> List[DicomHeader]:
    """Return the checked headers of one series in the order of the stack."""
    chosen = _choose(_images(folder, log), folder, series_uid)
    for header in chosen:
        _check_single_greyscale_frame(header)
    headers = {header.path: header for header in chosen}
    return [headers[s.path] for s in order_slices([parse_slice(header) for header in chosen], folder)]


def _combined(slices: Sequence[DicomHeader]) -> str:
    return hashlib.sha256("".join(header.sha256 for header in slices).encode("ascii")).hexdigest()


def _stored_bytes(header: DicomHeader) -> int:
    rows, columns, bits = (header.number(tag) or 0 for tag in (dh.ROWS, dh.COLUMNS, dh.BITS_ALLOCATED))
    return rows * columns * bits // 8


def _images(folder: Path, log: FindingLog) -> List[DicomHeader]:
    """Return the headers of all files with pixels."""
    images: List[DicomHeader] = []
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        for path in files:
            if path.name.upper() == "DICOMDIR":
                continue
            if not is_dicom(path):
                _note_foreign(path, log)
                continue
            header = read_dicom_header(path)
            if header.text(dh.SOP_CLASS_UID).startswith(_NOT_IMAGES):
                log.note(str(path), f"This DICOM object is not an image (SOP class {header.text(dh.SOP_CLASS_UID)}); left out.")
            elif header.has_pixels:
                images.append(header)
            else:
                raise DicomSeriesError(
                    "The DICOM file has no pixels; it may be truncated.", expected="Pixel Data", path=path, remedy=_EXPORT_AGAIN
                )
    except OSError as error:
        raise VolumeFileError("The folder cannot be read.", found=error.strerror or str(error), path=folder) from error
    return images


def _note_foreign(path: Path, log: FindingLog) -> None:
    """Leave out a file that is not DICOM, unless it may be a slice."""
    if path.name.lower().endswith(_COMPANIONS):
        log.note(str(path), "This file is not DICOM; left out.")
        return
    if path.stat().st_size == 0 or path.suffix.lower() in _SLICE_SUFFIXES:
        raise DicomSeriesError(
            "The file is named like a slice but is not DICOM.", expected="DICM after 128 bytes", path=path, remedy=_EXPORT_AGAIN
        )
    log.fault(
        DicomSeriesError(
            "The file is not DICOM; it may be a damaged slice.",
            expected="DICM after 128 bytes",
            path=path,
            remedy="Move it out of the folder if it is no slice; else export the whole series again.",
        )
    )


def _choose(images: Sequence[DicomHeader], folder: Path, series_uid: Optional[str]) -> List[DicomHeader]:
    series: Dict[str, List[DicomHeader]] = {}
    for header in images:
        series.setdefault(header.text(dh.SERIES_UID), []).append(header)
    listing = "; ".join(f"{uid} ({len(s)} images, '{s[0].text(dh.SERIES_DESCRIPTION)}')" for uid, s in sorted(series.items()))
    if not series:
        raise DicomSeriesError(
            "The folder holds no DICOM image.", expected=SUPPORTED, path=folder, remedy="Choose the folder of a series."
        )
    if series_uid is not None:
        if series_uid not in series:
            raise DicomSeriesError("The series is not in the folder.", expected=series_uid, found=listing, path=folder)
        return series[series_uid]
    if len(series) > 1:
        raise DicomSeriesError(
            f"The folder holds {len(series)} series.",
            expected="one series",
            found=listing,
            path=folder,
            remedy="Choose one of them by its SeriesInstanceUID, or give a folder with one series.",
        )
    return next(iter(series.values()))


def _check_single_greyscale_frame(header: DicomHeader) -> None:
    frames = header.text(dh.FRAMES)
    if frames not in ("", "1"):
        raise DicomSeriesError(
            "Multi-frame (enhanced) DICOM is not supported.",
            expected="one slice in each file",
            found=f"{frames} frames (SOP class {header.text(dh.SOP_CLASS_UID)})",
            path=header.path,
            remedy=_MULTI_FRAME,
        )
    photometric = header.text(dh.PHOTOMETRIC)
    if (header.number(dh.SAMPLES_PER_PIXEL) or 1) != 1 or photometric != "MONOCHROME2":
        raise DicomSeriesError(
            "The images are not plain greyscale.",
            expected="MONOCHROME2",
            found=photometric or "nothing",
            path=header.path,
            remedy="Choose the original greyscale series.",
        )


def _decode(paths: Sequence[Path], folder: Path) -> Tuple[npt.NDArray[Any], Geometry]:
    import SimpleITK

    try:
        kinds = {_pixel_type(path) for path in paths}
        reader = SimpleITK.ImageSeriesReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileNames([str(path) for path in paths])
        if len(kinds) > 1:  # slices with rescale slopes of their own: none may be rounded to the type of the first one
            reader.SetOutputPixelType(SimpleITK.sitkFloat64)
        image = reader.Execute()
    except RuntimeError as error:
        raise DicomSeriesError(
            "GDCM cannot decode the series.",
            found=str(error).strip().splitlines()[-1],
            path=folder,
            remedy="Export the series again without compression.",
        ) from error
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        raise DicomSeriesError("The series is not a scalar 3-D volume.", path=folder)
    return np.ascontiguousarray(SimpleITK.GetArrayFromImage(image)), geometry_of(image, str(folder))


def _pixel_type(path: Path) -> int:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return int(reader.GetPixelID())
