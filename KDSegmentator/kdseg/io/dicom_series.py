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
from kdseg.io.staging import geometry_of
from kdseg.io.volume_file import SUPPORTED, DecodedFile

_NOT_IMAGES = tuple(
    "1.2.840.10008.5.1.4.1.1." + suffix for suffix in ("9.", "11.", "66", "67", "68.", "88.", "104.", "481.3", "481.5", "481.8")
)
"""SOP classes that are left out: waveforms, presentation states, raw data and segmentations, reports, documents, RT plans."""

_SLICE_SUFFIXES = ("", ".dcm", ".ima", ".dicom")
_EXPORT_AGAIN = "Export the whole series again from the scanner or PACS."
_MULTI_FRAME = "Convert it to classic single-frame slices or to NRRD first, for example by loading and saving it in Slicer."


def read_dicom_series(folder: Path, log: FindingLog, series_uid: Optional[str] = None) -> DecodedFile:
    """Read the images of one series in ``folder`` (its subfolders are not searched).

    Parameters
    ----------
    folder
        Holds one series, or several if ``series_uid`` chooses one. DICOM objects without pixels, segmentations and files that
        are not DICOM are left out and told as findings.
    log
        Takes the findings.
    series_uid
        SeriesInstanceUID of the series to read.

    Raises
    ------
    DicomSeriesError
        If no series or more than one is there, if a file is damaged or multi-frame, or the slices are no regular volume.
    GeometryError
        If the gantry was tilted or the geometry is impossible.
    """
    images = _images(folder, log)
    chosen = _choose(images, folder, series_uid)
    for header in chosen:
        _check_single_greyscale_frame(header)
    paths = [s.path for s in order_slices([parse_slice(header) for header in chosen], folder)]
    digests = {header.path: header.sha256 for header in chosen}
    combined = hashlib.sha256("".join(digests[path] for path in paths).encode("ascii")).hexdigest()
    voxels, geometry = _decode(paths, folder)
    return DecodedFile(voxels, geometry, combined)


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
    """Leave out a file that is not DICOM, unless it is empty or its name says that it should be a slice."""
    if path.stat().st_size == 0 or path.suffix.lower() in _SLICE_SUFFIXES:
        raise DicomSeriesError(
            "The file is named like a slice but is not DICOM.", expected="DICM after 128 bytes", path=path, remedy=_EXPORT_AGAIN
        )
    log.note(str(path), "This file is not DICOM; left out.")


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
