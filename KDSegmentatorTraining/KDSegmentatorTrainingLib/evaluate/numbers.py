"""Tolerances and percentiles as a user types them."""

from __future__ import annotations

import math
import re
from typing import Callable, Tuple

from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _


def tolerances(text: str) -> Tuple[float, ...]:
    """Return tolerances in mm, at least 0; InputError if the text is anything else."""
    return _numbers(text, _("tolerances in mm, such as 1, 2"), lambda value: value >= 0)


def percentiles(text: str) -> Tuple[float, ...]:
    """Return percentiles above 0 and at most 100; InputError if the text is anything else."""
    return _numbers(text, _("percentiles such as 95"), lambda value: 0 < value <= 100)


def _numbers(text: str, expected: str, allowed: Callable[[float], bool]) -> Tuple[float, ...]:
    words = [word for word in re.split(r"[;,\s]+", text.strip()) if word]
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        values = ()
    titles = {f"{value:g}" for value in values}
    if not values or len(titles) != len(values) or not all(math.isfinite(value) and allowed(value) for value in values):
        raise InputError(
            _("This field does not hold numbers that can be used."),
            expected=expected,
            found=text.strip() or _("nothing"),
            remedy=_("Write each number once, with a point for decimals, separated by commas."),
        )
    return values
