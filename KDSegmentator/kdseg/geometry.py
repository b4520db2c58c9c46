"""Where a voxel grid lies in the patient: ITK's geometry, in the LPS frame and in mm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError

ORTHOGONALITY_TOLERANCE = 1e-3
"""Largest deviation of ``direction · directionᵀ`` from the identity, per element; files store cosines with 4 to 7 digits."""

SHEAR_REMEDY = (
    "Resample it to a rectangular grid: in Slicer with the module Crop Volume (Interpolated cropping), or load the DICOM "
    "series with Acquisition geometry regularization (Application Settings, DICOM) and harden the transform."
)
"""What to do about a sheared grid, such as that of a CT with a tilted gantry."""

SPACING_RANGE_MM = (0.01, 50.0)
"""A spacing outside this range is taken for a damaged header, in mm."""


def axes_text(axes: npt.NDArray[np.float64]) -> str:
    """Say how far three axes, the columns of ``axes`` of shape (3, 3), are from perpendicular unit vectors."""
    lengths = np.sqrt((axes**2).sum(axis=0))
    if np.abs(lengths - 1.0).max() > ORTHOGONALITY_TOLERANCE / 2:
        return f"directions of the lengths {', '.join(f'{length:.4g}' for length in lengths)} instead of 1"
    skew = max(abs(float(axes[:, i] @ axes[:, j])) for i, j in ((0, 1), (0, 2), (1, 2)))
    return f"axes up to {math.degrees(math.asin(min(1.0, skew))):.2g} degrees away from perpendicular"


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume, as ITK and SimpleITK keep it.

    Attributes
    ----------
    shape
        Number of voxels along (z, y, x): the order of NumPy arrays.
    spacing_mm
        Distance between voxel centres along (x, y, z), in mm: ITK's order.
    origin_mm
        Centre of voxel (0, 0, 0) in LPS, in mm.
    direction
        Direction cosines, row by row as in ``SimpleITK.Image.GetDirection()``: column *i* is the LPS direction of index axis
        *i* in the order (x, y, z).

    Raises
    ------
    GeometryError
        If a value is not finite, a spacing lies outside :data:`SPACING_RANGE_MM`, or the directions are not orthonormal.
    """

    shape: Tuple[int, int, int]
    spacing_mm: Tuple[float, float, float]
    origin_mm: Tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: Tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or any(n < 1 for n in self.shape):
            raise GeometryError("The grid is empty.", expected="three sizes of at least 1", found=f"{self.shape}")
        numbers = (*self.spacing_mm, *self.origin_mm, *self.direction)
        if len(numbers) != 15 or not all(math.isfinite(v) for v in numbers):
            raise GeometryError(
                "The geometry holds values that are not finite numbers.",
                expected="finite spacing, origin and direction",
                found=f"spacing {self.spacing_mm}, origin {self.origin_mm}, direction {self.direction}",
                remedy="Repair the header, or export the volume again from the scanner or PACS.",
            )
        low, high = SPACING_RANGE_MM
        if not all(low <= s <= high for s in self.spacing_mm):
            raise GeometryError(
                "The voxel spacing is impossible.",
                expected=f"{low} to {high} mm along each axis",
                found=f"{self.spacing_mm} mm",
                remedy="Repair the header, or export the volume again from the scanner or PACS.",
            )
        d = self.matrix
        if np.abs(d.T @ d - np.eye(3)).max() > ORTHOGONALITY_TOLERANCE:
            raise GeometryError(
                "The axes of the volume are not perpendicular (the grid is sheared).",
                expected="three perpendicular axes",
                found=axes_text(d),
                remedy=SHEAR_REMEDY,
            )

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """Direction cosines as a 3×3 matrix, one column per index axis (x, y, z)."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return math.prod(self.spacing_mm) / 1000.0

    def is_close(self, other: Geometry, tolerance_mm: float = 1e-3) -> bool:
        """Tell whether two grids have the same shape and all eight corners within ``tolerance_mm`` of each other."""
        if self.shape != other.shape:
            return False
        return bool(np.abs(self.corners_mm() - other.corners_mm()).max() <= tolerance_mm)

    def corners_mm(self) -> npt.NDArray[np.float64]:
        """Return the LPS positions of the eight corner voxels' centres, shape (8, 3), in mm."""
        sizes = np.asarray(self.shape[::-1], dtype=np.float64) - 1
        corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=np.float64) * sizes
        points: npt.NDArray[np.float64] = (corners * np.asarray(self.spacing_mm)) @ self.matrix.T + np.asarray(self.origin_mm)
        return points
