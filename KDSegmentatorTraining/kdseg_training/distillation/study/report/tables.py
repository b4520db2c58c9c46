"""Cells and tables in Markdown."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence

from kdseg_training.distillation.study.config import COMBINATION, EQUAL_TIME, PLAIN, StudyConfig
from kdseg_training.metrics import Interval

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


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with fixed decimals, and no minus before a zero."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"


def interval_cell(interval: Interval, digits: int, *, signed: bool = False) -> str:
    """Return ``0.8742 (0.8640 to 0.8840)``."""
    values = (number(value, digits, signed=signed) for value in (interval.estimate, interval.low, interval.high))
    return "{} ({} to {})".format(*values)


def percent_cell(interval: Interval) -> str:
    """Return ``98.7 % (97.0 to 100.1)``."""
    estimate, low, high = (100 * value for value in (interval.estimate, interval.low, interval.high))
    return f"{number(estimate, 1)} % ({number(low, 1)} to {number(high, 1)})"


def share_cell(share: float) -> str:
    """Return ``98.7 %``."""
    return f"{100 * share:.1f} %"


def p_cell(p: float) -> str:
    """Return a p-value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def seconds_text(seconds: float) -> str:
    """Return a duration in the unit that fits it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> List[str]:
    """Return the lines of a Markdown table."""
    lines = [list(header), ["---"] * len(header), *([str(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
