"""What is measured: the surface definitions, the status of a class, and how a tolerance is compared."""

from __future__ import annotations

from enum import Enum

TOLERANCE_RELATIVE = 1e-6
"""Relative allowance on a tolerance: 3 × 0.8 mm is 2.4000000000000004 in floating point, and still within 2.4 mm."""

TOLERANCE_ABSOLUTE_MM = 1e-6
"""Absolute allowance on a tolerance, in mm; a nanometre, far below any spacing."""


class SurfaceDefinition(str, Enum):
    """What the surface of a mask is; numbers of different definitions must not be compared.

    ``SURFACE_ELEMENTS``
        Marching-cubes surface elements, one per 2×2×2 neighbourhood that holds both mask and background, placed on the voxel
        corners and weighted by their area in mm². Percentiles are the smallest distance that covers the share of the area.
        The definition of DeepMind's ``surface-distance``: Nikolov et al. 2021, doi:10.2196/26151.
    ``BOUNDARY_VOXELS``
        Mask voxels with at least one of their six face neighbours outside the mask (the image border counts as outside), placed
        on the voxel centres, each with weight 1. Percentiles are interpolated linearly. The definition of Metrics Reloaded and
        MONAI: Maier-Hein et al. 2024, doi:10.1038/s41592-023-02151-z.
    """

    SURFACE_ELEMENTS = "surface_elements"
    BOUNDARY_VOXELS = "boundary_voxels"


class Status(str, Enum):
    """Which of the two masks of a class hold voxels; it decides what the metrics of the class are.

    ========================  ===========  ============  ==========================
    status                    reference    prediction    values
    ========================  ===========  ============  ==========================
    ``OK``                    present      present       measured
    ``MISSED``                present      empty         overlap 0, distances inf
    ``HALLUCINATED``          empty        present       overlap 0, distances inf
    ``BOTH_EMPTY``            empty        empty         NaN: there is nothing to measure
    ========================  ===========  ============  ==========================
    """

    OK = "ok"
    MISSED = "missed"
    HALLUCINATED = "hallucinated"
    BOTH_EMPTY = "both_empty"

    @staticmethod
    def of(prediction_voxels: int, reference_voxels: int) -> Status:
        """Return the status that follows from the two voxel counts."""
        if prediction_voxels and reference_voxels:
            return Status.OK
        if reference_voxels:
            return Status.MISSED
        return Status.HALLUCINATED if prediction_voxels else Status.BOTH_EMPTY


def effective_tolerance_mm(tolerance_mm: float, *, strict: bool) -> float:
    """Return the largest distance that counts as within ``tolerance_mm``.

    Parameters
    ----------
    tolerance_mm
        The nominal tolerance in mm.
    strict
        True compares with the nominal tolerance itself, as other packages do; distances of a whole number of voxels may then
        fall on the wrong side by rounding. False allows :data:`TOLERANCE_RELATIVE` and :data:`TOLERANCE_ABSOLUTE_MM` on top.
    """
    return tolerance_mm if strict else tolerance_mm * (1.0 + TOLERANCE_RELATIVE) + TOLERANCE_ABSOLUTE_MM
