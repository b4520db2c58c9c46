"""A mirrored patch whose left is the other's right: what a teacher that tells the sides apart must exchange to use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

LEFT_RIGHT_AXIS = 2
"""Spatial axis of (z, y, x) in RAS, the order of samples drawn from label maps, along which the index grows to the right."""


@dataclass(frozen=True)
class SideExchange:
    """How to mirror a patch from left to right.

    Attributes
    ----------
    classes
        Class on the other side, for each class from 0 on; a class without sides is its own.
    axis
        Spatial axis to mirror.
    """

    classes: Tuple[int, ...]
    axis: int = LEFT_RIGHT_AXIS

    def __post_init__(self) -> None:
        if any(self.classes[other] != number for number, other in enumerate(self.classes)):
            raise ValueError(f"classes: expected pairs that name each other, found {self.classes}")
