"""Pairs of classes."""

from __future__ import annotations

from typing import Tuple

import pytest

from kdseg.sides import SideExchange


@pytest.mark.parametrize("classes", [(0, 2, 3, 1), (0, 2, 2), (0, 2), (0, -1), (0, 2, 1, -1)])
def test_classes_must_name_each_other(classes: Tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="name each other"):
        SideExchange(classes)
