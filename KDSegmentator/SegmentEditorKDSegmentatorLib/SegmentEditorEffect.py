"""The Segment Editor effect "KD Segmentator": what Slicer calls. The work is done in ``KDSegmentatorLib``.

Slicer runs this file under the name of its folder, so imports here are absolute. Nothing of the library is imported before the
user opens the effect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

EFFECT_NAME = "KD Segmentator"
"""Not translated: modules find effects by it."""


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Runs a student on the editor's source volume and puts its result into the editor's segmentation."""

    def __init__(self, scriptedEffect: Any) -> None:
        scriptedEffect.name = EFFECT_NAME
        scriptedEffect.title = _("KD Segmentator")
        scriptedEffect.perSegment = False  # all structures at once, unless the user wants one
        scriptedEffect.requireSegments = False  # it makes segments
        scriptedEffect.showEffectCursorInSliceView = False  # nothing is drawn by hand
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.control: Optional[Any] = None

    def clone(self) -> Any:
        """Return a new effect for another editor."""
        from qSlicerSegmentationsEditorEffectsPythonQt import qSlicerSegmentEditorScriptedEffect

        cloned = qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(Path(__file__).as_posix())
        return cloned

    def icon(self) -> Any:
        """Return the icon of the button."""
        path = Path(__file__).parent / "SegmentEditorEffect.png"
        return qt.QIcon(path.as_posix()) if path.is_file() else qt.QIcon()

    def helpText(self) -> str:
        """Return what the editor shows above the options."""
        text: str = _(
            "Segments the source volume with a student, a small network that runs on this computer's own processor, without"
            " internet.<br><ul><li>All structures go into segments of their names, or one structure into the selected segment."
            "<li>Masking settings hold. With a region of interest the student sees only that part of the volume."
            "<li>Slicer can be used meanwhile; one Undo takes the result back.</ul>For research only; look at every slice."
        )
        return f"<html>{text}"

    def setupOptionsFrame(self) -> None:
        """Make no options yet: Slicer asks every effect for them when an editor is made, long before one is chosen."""

    def cleanup(self) -> None:
        """Stop a run and disconnect everything: the editor goes away. Slicer calls it from 5.10 on."""
        if self.control is not None:
            self.control.clean_up()
            self.control = None

    def activate(self) -> None:
        """Show the options, made when the effect is chosen for the first time."""
        if self.control is None:
            from KDSegmentatorLib.panel.effect_control import EffectControl

            self.control = EffectControl(self.scriptedEffect)
        self.control.refresh()

    def createCursor(self, widget: Any) -> Any:
        """Return the usual cursor."""
        return qt.QCursor(qt.Qt.ArrowCursor)

    def setMRMLDefaults(self) -> None:
        """Set the choices of a new scene: all structures, of the first student."""
        self.scriptedEffect.setParameterDefault("Structure", 0)

    def updateGUIFromMRML(self) -> None:
        """Show the choices of the scene."""
        if self.control is not None:
            self.control.show_choices()

    def updateMRMLFromGUI(self) -> None:
        """Keep the choices in the scene."""
        if self.control is not None:
            self.control.keep_choices()
