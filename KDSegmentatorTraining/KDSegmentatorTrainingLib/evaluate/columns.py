"""The columns of an evaluation's tables: metrics with their units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

STRUCTURE, CASE, STATUS = "Structure", "Case", "Status"
"""Names of the columns that hold text; they are not translated, so that programs find them."""


@dataclass(frozen=True)
class Column:
    """One metric.

    Attributes
    ----------
    key
        As ``kdseg_training`` calls it, for example ``hd95_mm``.
    title
        As the table calls it, unit included; not translated.
    unit
        Empty for a ratio.
    """

    key: str
    title: str
    unit: str = ""


def columns(tolerances_mm: Sequence[float], percentiles: Sequence[float]) -> Tuple[Column, ...]:
    """Return the metrics of an evaluation in the order in which a reader wants them."""
    return (
        Column("dice", "Dice"),
        *(Column(f"nsd_{tolerance:g}mm", f"NSD {tolerance:g} mm") for tolerance in tolerances_mm),
        *(Column(f"hd{percent:g}_mm", f"HD{percent:g} [mm]", "mm") for percent in percentiles),
        Column("hd_mm", "HD [mm]", "mm"),
        Column("assd_mm", "ASSD [mm]", "mm"),
        Column("masd_mm", "MASD [mm]", "mm"),
        Column("iou", "IoU"),
        Column("prediction_volume_ml", "Segmentation [ml]", "ml"),
        Column("reference_volume_ml", "Reference [ml]", "ml"),
        Column("volume_difference_ml", "Difference [ml]", "ml"),
    )
