"""A mirrored patch whose left is the other's right: which classes must be exchanged to use what a network says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

LEFT_RIGHT_AXIS = 2
"""Spatial axis of a patch (z, y, x) along which x runs, in RAS from the patient's left to the right."""


@dataclass(frozen=True)
class SideExchange:
    """How to mirror a patch from left to right.

    Attributes
    ----------
    classes
        Class on the other side, for each class from 0 on; a class without sides is its own.
    axis
        Spatial axis to mirror, in the network's order.
    """

    classes: Tuple[int, ...]
    axis: int = LEFT_RIGHT_AXIS

    def __post_init__(self) -> None:
        known = range(len(self.classes))
        if any(other not in known or self.classes[other] != number for number, other in enumerate(self.classes)):
            raise ValueError(f"classes: expected pairs that name each other, found {self.classes}")
