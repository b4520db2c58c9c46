"""What the header of a volume file says, once it was checked, and how its voxels are decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError, MemoryLimitError, VolumeFileError
from kdseg.geometry import ORTHOGONALITY_TOLERANCE, SHEAR_REMEDY, SPACING_RANGE_MM, axes_text
from kdseg.io.streams import ByteStream

MAX_VOLUME_BYTES = 16 * 1024**3
"""The largest volume that is read, in bytes of voxels; a header that declares more is taken for damaged."""

_REPAIR = "Repair the header, or export the volume again from the scanner or PACS."


@dataclass(frozen=True)
class Scaling:
    """``value = stored * slope + intercept``, as NIfTI stores it."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class RasterHeader:
    """A checked header.

    Attributes
    ----------
    sizes
        Number of voxels along (x, y, z).
    dtype
        Type of the stored voxels, with its byte order.
    clean_header
        A whole header of the same format that says the same about the grid and nothing else; SimpleITK reads the
        geometry from it.
    suffix
        The file name suffix by which SimpleITK knows the format.
    scaling
        Linear scaling of the stored values, or None.
    """

    sizes: Tuple[int, int, int]
    dtype: np.dtype[Any]
    clean_header: bytes
    suffix: str
    scaling: Optional[Scaling] = None

    @property
    def payload_bytes(self) -> int:
        """Number of bytes of the stored voxels."""
        return math.prod(self.sizes) * self.dtype.itemsize

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding takes: the stored voxels and, where integers are scaled, their float32 copy."""
        copies = self.scaling is not None and not np.issubdtype(self.dtype, np.floating)
        return self.payload_bytes + (4 * math.prod(self.sizes) if copies else 0)


def read_voxels(stream: ByteStream, header: RasterHeader, path: str, memory_bytes: Optional[int] = None) -> npt.NDArray[Any]:
    """Read the voxels to the end of ``stream``.

    Parameters
    ----------
    stream, header
        The voxels as they are stored, and what the header says of them.
    path
        The file, for the messages.
    memory_bytes
        What the voxels may take, in bytes; None for no more than :data:`MAX_VOLUME_BYTES`.

    Returns
    -------
    numpy.ndarray
        Shape (z, y, x), native byte order, writable; in the type that SimpleITK would give.

    Raises
    ------
    VolumeFileError
        If the file holds fewer or more voxels than declared, or a checksum is wrong. Sizes are checked before memory is taken.
    MemoryLimitError
        If the voxels need more than ``memory_bytes``.
    """
    count = header.payload_bytes
    if count > MAX_VOLUME_BYTES:
        raise VolumeFileError(
            "The header declares an absurd size.",
            expected=f"at most {MAX_VOLUME_BYTES} bytes of voxels",
            found=f"{' × '.join(map(str, header.sizes))} voxels, {count} bytes",
            path=path,
            remedy=_REPAIR,
        )
    stream.require_left(count)
    check_memory(header.decoding_bytes, memory_bytes, path)
    buffer = np.empty(count, dtype=np.uint8)
    stream.read_into(buffer)
    stream.finish()
    voxels = buffer.view(header.dtype).reshape(header.sizes[::-1])
    if not header.dtype.isnative:
        voxels = voxels.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return voxels if header.scaling is None else _scaled(voxels, header.scaling)


def check_memory(needed_bytes: int, memory_bytes: Optional[int], path: str) -> None:
    """Raise MemoryLimitError if the voxels of ``path`` need more than ``memory_bytes``; None is no ceiling."""
    if memory_bytes is not None and needed_bytes > memory_bytes:
        raise MemoryLimitError(
            "The voxels alone need more memory than there may be.",
            estimate_bytes=needed_bytes,
            limit_bytes=memory_bytes,
            path=path,
            remedy="Crop or resample the volume first, close other programs, or raise the ceiling if one was set.",
        )


def _scaled(voxels: npt.NDArray[Any], scaling: Scaling) -> npt.NDArray[Any]:
    """Scale as ITK does: integers become float32 first, the sum is made in float64, slice by slice to spare memory."""
    is_float = np.issubdtype(voxels.dtype, np.floating)
    result = voxels if is_float else np.empty(voxels.shape, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for z in range(voxels.shape[0]):
            stored = voxels[z].astype(result.dtype).astype(np.float64)
            result[z] = stored * scaling.slope + scaling.intercept
    return result


def check_sizes(sizes: Sequence[int], path: str) -> Tuple[int, int, int]:
    """Return the three sizes (x, y, z), or raise VolumeFileError if one is below 1 or there are not three."""
    if len(sizes) != 3:
        raise not_three_dimensional(sizes, path)
    if any(n < 1 for n in sizes):
        raise VolumeFileError(
            "The header declares an empty grid.",
            expected="sizes of at least 1",
            found=f"{tuple(sizes)}",
            path=path,
            remedy=_REPAIR,
        )
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def not_three_dimensional(sizes: Sequence[int], path: str) -> VolumeFileError:
    """Return the error for an image of 1, 2, 4 or more dimensions; ``sizes`` in the order of the file."""
    if len(sizes) > 3:
        remedy = "Export one time point or one component as a 3-D volume and use that."
    else:
        remedy = "Stack the images to a 3-D volume first, or choose the file of the whole volume."
    return VolumeFileError(
        f"The image has {len(sizes)} dimensions.",
        expected="one 3-D volume for each channel",
        found=f"sizes {' × '.join(map(str, sizes))}",
        path=path,
        remedy=remedy,
    )


def not_scalar(found: str, path: str) -> VolumeFileError:
    """Return the error for colour, vector or complex voxels."""
    return VolumeFileError(
        "The voxels are not single numbers.",
        expected="one integer or floating-point number for each voxel",
        found=found,
        path=path,
        remedy="Convert the volume to one scalar component first, or choose the original greyscale series.",
    )


def check_axes(axes_mm: npt.NDArray[np.float64], path: str) -> None:
    """Check the steps from voxel to voxel.

    Parameters
    ----------
    axes_mm
        Matrix of shape (3, 3); column *i* is the step along index axis *i* (x, y, z), in mm.
    path
        The file, for the message.

    Raises
    ------
    GeometryError
        If a step is not finite, has an impossible length, or is not perpendicular to the others.
    """
    lengths = np.sqrt((axes_mm**2).sum(axis=0))
    check_spacing(lengths.tolist(), path)
    cosines = axes_mm / lengths
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > ORTHOGONALITY_TOLERANCE:
        raise GeometryError(
            "The axes of the volume are not perpendicular (the grid is sheared).",
            expected="three perpendicular axes",
            found=axes_text(cosines),
            path=path,
            remedy=SHEAR_REMEDY,
        )


def check_spacing(spacing_mm: Sequence[float], path: str) -> None:
    """Raise GeometryError unless all three spacings lie in :data:`kdseg.geometry.SPACING_RANGE_MM`."""
    low, high = SPACING_RANGE_MM
    if len(spacing_mm) != 3 or not all(low <= s <= high for s in spacing_mm):
        raise GeometryError(
            "The voxel spacing is missing or impossible.",
            expected=f"{low} to {high} mm along each of three axes",
            found=f"{tuple(spacing_mm)} mm",
            path=path,
            remedy=_REPAIR,
        )


def check_finite(numbers: Sequence[float], what: str, path: str) -> None:
    """Raise GeometryError if one of ``numbers`` is NaN or infinite."""
    if not all(math.isfinite(v) for v in numbers):
        raise GeometryError(
            f"The {what} is not finite.", expected="finite numbers", found=f"{tuple(numbers)}", path=path, remedy=_REPAIR
        )


def orientation_unknown(path: str, found: str) -> GeometryError:
    """Return the fault of a file that does not say how its axes lie in the patient."""
    return GeometryError(
        "The file does not say how the volume lies in the patient.",
        expected="an orientation (space directions, sform or qform, or a transform matrix)",
        found=found,
        path=path,
        remedy="Export the volume again with its orientation; left and right cannot be told apart without it.",
    )
