"""Numbers as text, for the cells of tables."""

from __future__ import annotations

import math

from kdseg_training.metrics import Interval

UNKNOWN = "–"
"""Stands where there is no number."""


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with fixed decimals, and no minus before a zero; :data:`UNKNOWN` for NaN."""
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"


def range_cell(value: float, low: float, high: float, digits: int, *, signed: bool = False) -> str:
    """Return ``0.8742 (0.8640 to 0.8840)``; the value alone where its interval is not known."""
    estimate, *ends = (number(part, digits, signed=signed) for part in (value, low, high))
    return estimate if math.isnan(low) or math.isnan(high) else "{} ({} to {})".format(estimate, *ends)


def interval_cell(interval: Interval, digits: int, *, signed: bool = False) -> str:
    """Return an interval as :func:`range_cell`."""
    return range_cell(interval.estimate, interval.low, interval.high, digits, signed=signed)


def percent_cell(interval: Interval) -> str:
    """Return ``98.7 % (97.0 to 100.1)``."""
    estimate, *ends = (number(100 * value, 1) for value in (interval.estimate, interval.low, interval.high))
    unknown = math.isnan(interval.low) or math.isnan(interval.high)
    return f"{estimate} %" if unknown else "{} % ({} to {})".format(estimate, *ends)


def share_cell(share: float) -> str:
    """Return ``98.7 %``."""
    return f"{number(100 * share, 1)} %"


def p_cell(p: float) -> str:
    """Return a p-value."""
    return "< 0.001" if p < 0.001 else number(p, 3)
