"""One volume file: choose the format, check every byte, decode."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NoReturn, Optional, Tuple

import numpy.typing as npt

from kdseg.errors import VolumeFileError
from kdseg.geometry import Geometry
from kdseg.io.findings import FindingLog
from kdseg.io.metaimage import open_metaimage
from kdseg.io.nifti import read_header as read_nifti_header
from kdseg.io.nrrd import open_nrrd
from kdseg.io.raster import RasterHeader, read_voxels
from kdseg.io.staging import geometry_from_header
from kdseg.io.streams import GZIP_MAGIC, ByteStream, DeflateStream, HashedFile, PlainStream

SUPPORTED = "NIfTI (.nii, .nii.gz), NRRD (.nrrd), MetaImage (.mha) or a folder with a DICOM series"
"""What can be read, for messages."""

_CHUNK_BYTES = 1 << 20
_REFUSED_SUFFIXES = {
    ".hdr": "an Analyze or NIfTI pair, or an ENVI header",
    ".img": "an Analyze or NIfTI pair",
    ".nhdr": "an NRRD header with its voxels in another file",
    ".mhd": "a MetaImage header with its voxels in another file",
    ".dcm": "a single DICOM file; give the folder of its series",
}


@dataclass(frozen=True)
class DecodedFile:
    """One decoded channel.

    Attributes
    ----------
    voxels
        Shape (z, y, x), native byte order.
    geometry
        Their grid.
    sha256
        Digest of the file they were decoded from; of a series: of the digests of its files in order.
    size_bytes
        Size of that file, or of all files of the series.
    files
        Number of files.
    """

    voxels: npt.NDArray[Any]
    geometry: Geometry
    sha256: str
    size_bytes: int
    files: int = 1


def read_volume_file(path: Path, log: FindingLog, memory_bytes: Optional[int] = None) -> DecodedFile:
    """Read one NIfTI, NRRD or MetaImage file. Every byte is read once; what is checked and hashed is what is decoded.

    Parameters
    ----------
    path
        The file.
    log
        Takes the findings.
    memory_bytes
        What the voxels may take, in bytes; None for no ceiling.

    Raises
    ------
    VolumeFileError
        If the file is missing, of another format, damaged, truncated, too long, or not a scalar 3-D volume.
    GeometryError
        If its geometry is impossible or contradicts itself.
    MemoryLimitError
        If the voxels need more than ``memory_bytes``.
    """
    opener = _opener(path)
    with _hashed(path) as file:
        size_bytes = file.left
        stream, header = opener(file, str(path), log)
        voxels = read_voxels(stream, header, str(path), memory_bytes)
        return DecodedFile(voxels, geometry_from_header(header, str(path)), file.hexdigest(), size_bytes)


def hash_volume_file(path: Path) -> str:
    """Return the SHA-256 of a file without decoding it; VolumeFileError if it cannot be read."""
    with _hashed(path) as file:
        while file.left:
            file.read(_CHUNK_BYTES)
        return file.hexdigest()


def _open_nifti(file: HashedFile, path: str, log: FindingLog) -> Tuple[ByteStream, RasterHeader]:
    zipped = path.lower().endswith(".gz")
    stream: ByteStream = DeflateStream(file, log, gzip=True) if zipped else PlainStream(file)
    return stream, read_nifti_header(stream, path, log)


_Opener = Callable[[HashedFile, str, FindingLog], Tuple[ByteStream, RasterHeader]]

_OPENERS: Dict[str, _Opener] = {".nii": _open_nifti, ".nii.gz": _open_nifti, ".nrrd": open_nrrd, ".mha": open_metaimage}


def _opener(path: Path) -> _Opener:
    name = path.name.lower()
    for suffix, opener in _OPENERS.items():
        if name.endswith(suffix):
            return opener
    what = next(
        (text for suffix, text in _REFUSED_SUFFIXES.items() if name.endswith((suffix, suffix + ".gz"))), repr(path.suffix)
    )
    raise VolumeFileError(
        "The format is not supported.",
        expected=SUPPORTED,
        found=what,
        path=path,
        remedy="Convert it, for example by saving it as .nrrd in Slicer.",
    )


@contextmanager
def _hashed(path: Path) -> Iterator[HashedFile]:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if path.name.lower().endswith((".nii", ".nii.gz")):
                _check_gzip_matches_name(path, file.read(2))
                file.seek(0)
            yield HashedFile(file, size, str(path))
    except OSError as error:
        _refuse_unreadable(path, error)


def _check_gzip_matches_name(path: Path, magic: bytes) -> None:
    if not magic:
        raise VolumeFileError("The file is empty.", path=path, remedy="Copy or export the file again from its source.")
    named, found = path.name.lower().endswith(".gz"), magic == GZIP_MAGIC
    if named != found:
        raise VolumeFileError(
            "The file name and the content contradict each other.",
            expected="gzip data" if named else "a file that is not compressed",
            found=f"{magic!r} at the start",
            path=path,
            remedy="Name it .nii.gz if it is compressed and .nii if it is not; else copy it again from its source.",
        )


def _refuse_unreadable(path: Path, error: OSError) -> NoReturn:
    raise VolumeFileError(
        "The file cannot be read.", found=error.strerror or str(error), path=path, remedy="Check the path and the permissions."
    ) from error
