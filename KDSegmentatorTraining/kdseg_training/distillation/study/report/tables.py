"""Cells and tables in Markdown."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence

from kdseg_training.distillation.study.config import COMBINATION, EQUAL_TIME, PLAIN, StudyConfig

DIGITS = {"dice": 4, "nsd": 4, "hd95_mm": 3}
"""Decimals of the metrics."""


def metric_name(config: StudyConfig, metric: str) -> str:
    """Return a metric's heading."""
    return {"dice": "Dice", "nsd": f"NSD at {config.statistics.tolerance_mm:g} mm", "hd95_mm": "HD95 (mm)"}[metric]


def method_name(method: Optional[str], chosen: Optional[str] = None) -> str:
    """Return an arm's method in words."""
    if method is None:
        return "teacher"
    if method == COMBINATION:
        return f"{COMBINATION} ({chosen})" if chosen else COMBINATION
    return {PLAIN: "no distillation", EQUAL_TIME: "no distillation, equal time"}.get(method, method)


def width_name(factor: float) -> str:
    """Return ``×1/4``."""
    return "×1" if factor == 1 else f"×1/{factor:g}"


def seconds_text(seconds: float) -> str:
    """Return a duration in the unit that fits it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> List[str]:
    """Return the lines of a Markdown table."""
    lines = [list(header), ["---"] * len(header), *([str(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
