"""The image that is segmented: voxels of one or several channels on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from kdseg.errors import ChannelError, GeometryError
from kdseg.geometry import Geometry


@dataclass(frozen=True)
class Volume:
    """Voxels and where they lie.

    Attributes
    ----------
    voxels
        Array of shape (channel, z, y, x) in the units of the file (HU for CT); any real dtype, finite.
    geometry
        The grid, shared by all channels.
    source
        Where the voxels came from, for messages and the report: a path, a DICOM folder or a node name.
    """

    voxels: npt.NDArray[Any]
    geometry: Geometry
    source: str = "array"

    def __post_init__(self) -> None:
        if self.voxels.ndim != 4 or self.voxels.shape[0] < 1:
            raise ChannelError(
                "The array is not a volume.",
                expected="shape (channel, z, y, x)",
                found=f"shape {self.voxels.shape}",
                path=self.source,
            )
        if tuple(self.voxels.shape[1:]) != self.geometry.shape:
            raise GeometryError(
                "The array does not fit its geometry.",
                expected=f"shape (channel, {', '.join(map(str, self.geometry.shape))})",
                found=f"{self.voxels.shape}",
                path=self.source,
            )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.voxels.shape[0])
