"""CTK's widgets as far as panels use them; properties, signals and callable methods are those of CTK's headers."""

from __future__ import annotations

import types

from . import checkable, collapsible, message_box, paths, sliders

PARTS = (checkable, collapsible, message_box, paths, sliders)


def make() -> types.ModuleType:
    """Return the module ``ctk``."""
    ctk = types.ModuleType("ctk", "CTK's widgets as PythonQt shows them.")
    for part in PARTS:
        for name, value in vars(part).items():
            if name.startswith("ctk"):
                setattr(ctk, name, value)
    return ctk
