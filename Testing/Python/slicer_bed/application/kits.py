"""The names under which Slicer's own Python finds its compiled libraries."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import slicer_core


def install() -> None:
    """Make ``import vtkSegmentationCorePython`` and its like work, as they do in Slicer."""
    for item in pkgutil.iter_modules(slicer_core.__path__):
        if item.name.startswith("lib"):
            continue
        library = importlib.import_module(f"slicer_core.{item.name}")
        for alias in (item.name, f"{item.name}Python", item.name.replace("vtkSlicer", "Slicer", 1) + "Python"):
            sys.modules.setdefault(alias, library)
