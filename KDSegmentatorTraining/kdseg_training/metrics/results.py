"""Results of one class and of one case."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, Mapping, Tuple, Union

from kdseg_training.metrics.definitions import Status, SurfaceDefinition
from kdseg_training.metrics.overlap import OverlapCounts


@dataclass(frozen=True)
class ClassMetrics:
    """Raw metrics of one class in one case; see :class:`~kdseg_training.metrics.definitions.Status` for empty masks.

    Attributes
    ----------
    label
        Value of the class in the label maps.
    counts
        Voxels in the prediction, in the reference and in both.
    voxel_volume_ml
        Volume of one voxel in millilitres.
    nsd
        Normalised surface distance by nominal tolerance in mm, 0 to 1.
    hd_mm
        Hausdorff distance in mm.
    hd_percentiles_mm
        Robust Hausdorff distance in mm by percentile, for example ``{95: 2.3}``.
    assd_mm, masd_mm
        Average symmetric surface distance, and mean of the two directed averages, in mm. The formulas stand at
        :class:`~kdseg_training.metrics.summary.SurfaceSummary`.
    """

    label: int
    counts: OverlapCounts
    voxel_volume_ml: float
    nsd: Mapping[float, float]
    hd_mm: float
    hd_percentiles_mm: Mapping[float, float]
    assd_mm: float
    masd_mm: float

    @property
    def status(self) -> Status:
        """Whether prediction and reference hold the class."""
        return Status.of(self.counts.prediction, self.counts.reference)

    @property
    def dice(self) -> float:
        """Dice coefficient, 0 to 1; NaN when both are empty."""
        return self.counts.dice

    @property
    def iou(self) -> float:
        """Intersection over union, 0 to 1; NaN when both are empty."""
        return self.counts.iou

    @property
    def prediction_volume_ml(self) -> float:
        """Volume of the prediction in millilitres."""
        return self.counts.prediction * self.voxel_volume_ml

    @property
    def reference_volume_ml(self) -> float:
        """Volume of the reference in millilitres."""
        return self.counts.reference * self.voxel_volume_ml

    @property
    def volume_difference_ml(self) -> float:
        """Volume of the prediction less that of the reference, in millilitres; 0 when both are empty."""
        return (self.counts.prediction - self.counts.reference) * self.voxel_volume_ml

    def values(self) -> Dict[str, float]:
        """Return the metrics by column name, units in the names: ``dice``, ``nsd_1mm``, ``hd95_mm``, ``assd_mm``."""
        row = {
            "dice": self.dice,
            "iou": self.iou,
            "prediction_volume_ml": self.prediction_volume_ml,
            "reference_volume_ml": self.reference_volume_ml,
            "volume_difference_ml": self.volume_difference_ml,
            "relative_volume_difference": self.counts.relative_volume_difference,
        }
        row.update({f"nsd_{tolerance:g}mm": value for tolerance, value in self.nsd.items()})
        row["hd_mm"] = self.hd_mm
        row.update({f"hd{percent:g}_mm": value for percent, value in self.hd_percentiles_mm.items()})
        row.update({"assd_mm": self.assd_mm, "masd_mm": self.masd_mm})
        return row

    def row(self) -> Dict[str, Union[int, float, str]]:
        """Return label, status, voxel counts and :meth:`values` as one table row."""
        return {
            "label": self.label,
            "status": self.status.value,
            "prediction_voxels": self.counts.prediction,
            "reference_voxels": self.counts.reference,
            "common_voxels": self.counts.both,
            **self.values(),
        }


@dataclass(frozen=True)
class CaseMetrics:
    """Metrics of all classes of one case.

    Attributes
    ----------
    case
        Its name.
    classes
        By label.
    definition
        Which surface was measured; it belongs beside every number.
    strict_tolerance
        Whether tolerances were compared without allowance.
    shape
        Voxels along the array axes (z, y, x).
    spacing_mm
        Spacing along the same axes, in mm.
    """

    case: str
    classes: Mapping[int, ClassMetrics]
    definition: SurfaceDefinition
    strict_tolerance: bool
    shape: Tuple[int, int, int]
    spacing_mm: Tuple[float, float, float]

    @property
    def diagonal_mm(self) -> float:
        """Physical diagonal of the volume in mm: no distance inside it is larger."""
        return math.sqrt(sum((n * s) ** 2 for n, s in zip(self.shape, self.spacing_mm)))
