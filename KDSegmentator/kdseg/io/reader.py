"""The one way for images into the runtime."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from kdseg.errors import ChannelError, GeometryError, IntensityError, PathLike
from kdseg.io.dicom_series import hash_dicom_series, read_dicom_series
from kdseg.io.findings import Finding, FindingLog
from kdseg.io.volume_file import DecodedFile, hash_volume_file, read_volume_file
from kdseg.volume import Volume

SAME_GRID_TOLERANCE_MM = 1e-2
"""Largest distance between the same corner of two channels, in mm; NIfTI keeps its geometry in float32."""

Paths = Union[PathLike, Sequence[PathLike]]
"""One path, or one for each channel in the student's order."""


@dataclass(frozen=True)
class Source:
    """What a channel was decoded from.

    Attributes
    ----------
    path
        The file or the folder of a series, as the caller gave it.
    sha256
        Digest of the bytes that were decoded: of the file; of a series, of the digests of its slices in order.
    size_bytes, files
        Size and number of the files that were decoded.
    """

    path: str
    sha256: str
    size_bytes: int
    files: int = 1


@dataclass(frozen=True)
class VolumeInput:
    """A volume and what was learnt while reading it.

    Attributes
    ----------
    volume
        The voxels on their grid.
    findings
        Harmless faults that were let through, and remarks.
    sources
        For each channel what it was decoded from.
    """

    volume: Volume
    findings: Tuple[Finding, ...]
    sources: Tuple[Source, ...]

    @property
    def sha256(self) -> Tuple[Tuple[str, str], ...]:
        """For each channel its path and the digest of what was decoded."""
        return tuple((source.path, source.sha256) for source in self.sources)


def read_volume(paths: Paths, *, strict: bool = True, series_uid: Optional[str] = None) -> Volume:
    """Read a volume; see :func:`read_volume_input`."""
    return read_volume_input(paths, strict=strict, series_uid=series_uid).volume


def read_volume_with_findings(
    paths: Paths, strict: bool = False, *, series_uid: Optional[str] = None
) -> Tuple[Volume, Tuple[Finding, ...]]:
    """Read a volume and return it with its findings, for a front end that lets the user confirm harmless faults."""
    result = read_volume_input(paths, strict=strict, series_uid=series_uid)
    return result.volume, result.findings


def read_volume_input(
    paths: Paths, *, strict: bool = True, series_uid: Optional[str] = None, memory_bytes: Optional[int] = None
) -> VolumeInput:
    """Read one file, or one DICOM folder, for each channel.

    The geometry is the one SimpleITK reads (LPS, mm), the voxels keep the type of the file (NIfTI and DICOM scaling applied as
    ITK does), in native byte order, shape (channel, z, y, x).

    Parameters
    ----------
    paths
        One path or one for each channel: ``.nii``, ``.nii.gz``, ``.nrrd``, ``.mha``, or a folder with a DICOM series.
    strict
        Refuse harmless header faults too; otherwise they are told as findings. Whatever could change a voxel or its place
        is refused at either level.
    series_uid
        Which series to take from a folder that holds several.
    memory_bytes
        What the voxels of all channels may take, in bytes; None for no ceiling. It is checked before memory is taken.

    Raises
    ------
    ChannelError
        If there is no path.
    VolumeFileError, DicomSeriesError
        If a file is damaged, truncated, unsupported or not a scalar 3-D volume; if a series is incomplete.
    GeometryError
        If a geometry is impossible, or the channels lie on different grids (both files are named).
    IntensityError
        If a channel is constant or holds NaN or infinite voxels.
    MemoryLimitError
        If the voxels need more than ``memory_bytes``.
    """
    names = _as_list(paths)
    log = FindingLog(strict)
    channels: List[DecodedFile] = []
    for path in names:
        left = None if memory_bytes is None else memory_bytes - sum(c.voxels.nbytes for c in channels)
        channel = read_dicom_series(path, log, series_uid, left) if path.is_dir() else read_volume_file(path, log, left)
        check_intensities(channel.voxels, str(path))
        if channels:
            _check_same_grid(channels[0], names[0], channel, path)
        channels.append(channel)
    volume = Volume(_stack(channels), channels[0].geometry, source=", ".join(map(str, names)))
    sources = tuple(Source(str(path), c.sha256, c.size_bytes, c.files) for path, c in zip(names, channels))
    return VolumeInput(volume, log.findings, sources)


def hash_input(path: PathLike) -> str:
    """Return the digest that :attr:`Source.sha256` will have for a file or the folder of one series, without decoding it.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    path = Path(path)
    return hash_dicom_series(path) if path.is_dir() else hash_volume_file(path)


def check_intensities(voxels: npt.NDArray[Any], source: str) -> None:
    """Raise IntensityError if ``voxels`` hold NaN or infinity (with their number) or are constant (with the value)."""
    low, high = voxels.min(), voxels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        count = sum(int(np.count_nonzero(~np.isfinite(part))) for part in voxels)
        raise IntensityError(
            "The image holds voxels that are not numbers.",
            expected="finite voxels",
            found=f"{count} NaN or infinite voxels of {voxels.size}",
            path=source,
            remedy="Export the image again, or replace these voxels by a value that means air or background.",
        )
    if low == high:
        raise IntensityError(
            "The image is constant: it shows nothing.",
            expected="at least two different values",
            found=f"every voxel is {low}",
            path=source,
            remedy="Choose the volume with the picture of the patient; this one may be an empty export, or a crop beside it.",
        )


def _as_list(paths: Paths) -> List[Path]:
    items = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not items:
        raise ChannelError("No image was given.", expected="one path for each channel", found="none")
    return [Path(item) for item in items]


def _check_same_grid(first: DecodedFile, first_path: Path, other: DecodedFile, other_path: Path) -> None:
    if first.geometry.is_close(other.geometry, SAME_GRID_TOLERANCE_MM):
        return
    raise GeometryError(
        f"The channels lie on different grids: {first_path.name} and {other_path.name}.",
        expected=f"the grid of {first_path}: {first.geometry}",
        found=f"{other.geometry}",
        path=other_path,
        remedy="Resample (and register) the second image to the grid of the first one.",
    )


def _stack(channels: Sequence[DecodedFile]) -> npt.NDArray[Any]:
    if len(channels) == 1:
        return channels[0].voxels[np.newaxis]
    return np.stack([channel.voxels for channel in channels])
