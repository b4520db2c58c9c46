"""Slicer without Slicer: the real MRML of ``slicer-core``, with Qt, CTK and Slicer's application played by PySide6.

`start` makes the modules ``qt`` and ``ctk`` and completes ``slicer``; it acts on the whole process and only once. The parts:

pythonqt
    PySide6 with the manners of PythonQt: strict about attributes that a C++ class lacks.
ctk_widgets, mrml_widgets
    The widgets that panels use, with the properties, signals and methods of the C++ headers and no others.
application
    Scene, module logics, files, settings, ``slicer.app`` and ``slicer.modules``.
python
    What Slicer installs as Python: ``slicer.ScriptedLoadableModule``, ``slicer.i18n``, ``slicer.parameterNodeWrapper`` …

What it cannot show: PythonQt keeps Python's global lock while Slicer's event loop waits, so a Python thread that works here
makes no progress there; and there are no slice and 3-D views.
"""

from __future__ import annotations

from .bed import Bed, start

__all__ = ["Bed", "start"]
