"""Slicer's widgets on real MRML nodes; properties, signals and callable methods are those of Slicer's headers."""

from __future__ import annotations

import slicer

from . import base, node_combo_box

PARTS = [base, node_combo_box]


def install() -> None:
    """Put the widgets into the module ``slicer``."""
    for part in PARTS:
        for name, value in vars(part).items():
            if name.startswith(("qMRML", "qSlicer")):
                setattr(slicer, name, value)
