"""Label maps as image files, in the geometry of the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kdseg.atomic import atomic_path
from kdseg.errors import InputError, OutputError, PathLike
from kdseg.io.findings import FindingLog
from kdseg.io.reader import SAME_GRID_TOLERANCE_MM
from kdseg.io.volume_file import read_volume_file
from kdseg.segmentation import Segmentation

LABEL_MAP_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
"""File name suffixes by which :func:`write_label_map` chooses the format."""


def write_label_map(segmentation: Segmentation, path: PathLike) -> None:
    """Write the labels as NIfTI, NRRD or MetaImage, chosen by the suffix, compressed where the format can.

    The file is read back and compared before it takes its name; on any error an earlier file of that name is unchanged.

    Raises
    ------
    OutputError
        If the suffix is unknown, the labels are not uint8 or uint16 on the geometry, the folder is missing or read-only, or
        the disk is full.
    """
    import SimpleITK

    target = Path(path)
    _check_suffix(target)
    check_labels(segmentation, target)
    image = SimpleITK.GetImageFromArray(segmentation.labels)
    image.SetSpacing(segmentation.geometry.spacing_mm)
    image.SetOrigin(segmentation.geometry.origin_mm)
    image.SetDirection(segmentation.geometry.direction)
    with atomic_path(target) as temporary:
        try:
            SimpleITK.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            raise _not_written(target, str(error).strip().splitlines()[-1]) from error
        check_written(segmentation, temporary, target)


def check_labels(segmentation: Segmentation, target: Path) -> None:
    """Raise OutputError unless the labels are uint8 or uint16 and fill the grid."""
    labels = segmentation.labels
    if labels.dtype not in (np.uint8, np.uint16) or labels.shape != segmentation.geometry.shape:
        raise OutputError(
            "The labels cannot be written.",
            expected=f"uint8 or uint16 of shape {segmentation.geometry.shape}",
            found=f"{labels.dtype} of shape {labels.shape}",
            path=target,
        )


def check_written(segmentation: Segmentation, temporary: Path, target: Path) -> None:
    """Read ``temporary`` back; raise OutputError unless it holds the labels on their grid (writers may miss a full disk)."""
    try:
        written = read_volume_file(temporary, FindingLog(strict=True))
    except InputError as error:
        raise _not_written(target, f"{error.problem} {error.found}") from error
    if not np.array_equal(written.voxels, segmentation.labels):
        raise _not_written(target, "other labels in the file")
    if not written.geometry.is_close(segmentation.geometry, SAME_GRID_TOLERANCE_MM):
        raise _not_written(target, f"another grid in the file: {written.geometry}")


def _check_suffix(target: Path) -> None:
    name = target.name.lower()
    if name.endswith(".seg.nrrd") or not name.endswith(LABEL_MAP_SUFFIXES):
        raise OutputError(
            "The format of a label map is chosen by the suffix.",
            expected=", ".join(LABEL_MAP_SUFFIXES),
            found=target.name,
            path=target,
            remedy="Use one of these; a .seg.nrrd is written as a Slicer segmentation.",
        )


def _not_written(target: Path, reason: str) -> OutputError:
    return OutputError(
        "The result could not be written.",
        expected="a file that reads back as it was written",
        found=reason,
        path=target,
        remedy="Choose another folder or free some space; an earlier file of that name is unchanged.",
    )
