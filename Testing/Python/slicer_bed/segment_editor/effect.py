"""What an effect sees of Slicer: ``self.scriptedEffect``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from PySide6 import QtGui, QtWidgets

import slicer

from ..ctk_widgets.message_box import ctkMessageBox
from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field
from ..pythonqt.slots import remember
from .parameters import EffectParameters

MODES = ("ModificationModeSet", "ModificationModeAdd", "ModificationModeRemove", "ModificationModeRemoveAll")


@stand_in
class qSlicerSegmentEditorAbstractEffect(EffectParameters):
    """Options frame and labelmaps of an effect inside one editor."""

    ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = range(4)
    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)

    title = field(str, "")
    perSegment = field(bool, True)
    requireSegments = field(bool, True)
    showEffectCursorInSliceView = field(bool, True)
    showEffectCursorInThreeDView = field(bool, False)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._editor = None
        self._active = False
        self._confirmed = None
        self._frame = QtWidgets.QFrame()
        layout = QtWidgets.QFormLayout(self._frame)
        layout.setContentsMargins(4, 4, 4, 4)

    # -- the editor -----------------------------------------------------------------------------------------------
    def selectEffect(self, name: str) -> None:
        """Let the editor open another effect; an empty name opens none."""
        self._editor.setActiveEffectByName(name)

    def saveStateForUndo(self) -> None:
        """Let the user take back what follows."""
        if self._editor is not None:
            self._editor.saveStateForUndo()

    def active(self) -> bool:
        """Tell whether the effect is open."""
        return self._active

    def _set_active(self, active: bool) -> None:
        self._active = active

    # -- options -----------------------------------------------------------------------------------------------------
    def optionsFrame(self):
        """Return the frame with the options."""
        return self._frame

    def optionsLayout(self):
        """Return the layout inside the frame."""
        return self._frame.layout()

    def addOptionsWidget(self, item) -> None:
        """Add a widget or a layout over the whole width."""
        self._frame.layout().addRow(item)

    def addLabeledOptionsWidget(self, label: str, item):
        """Add a widget or a layout with a label before it, and return the label."""
        text = QtWidgets.QLabel(label)
        self._frame.layout().addRow(text, item)
        return text

    # -- labelmaps ---------------------------------------------------------------------------------------------------
    def _logic(self):
        return self._editor._logic

    def defaultModifierLabelmap(self):
        """Return the labelmap to write into, cleared, on the editor's grid; None without one."""
        return self._logic().GetModifierLabelmap() if self._logic().ResetModifierLabelmapToDefault() else None

    def modifierLabelmap(self):
        """Return the labelmap to write into as it is."""
        return self._logic().GetModifierLabelmap()

    def maskLabelmap(self):
        """Return where editing is not allowed."""
        return self._logic().GetMaskLabelmap() if self._logic().UpdateMaskLabelmap() else None

    def sourceVolumeImageData(self):
        """Return the source volume on the editor's grid."""
        return self._logic().GetAlignedSourceVolume() if self._logic().UpdateAlignedSourceVolume() else None

    def selectedSegmentLabelmap(self):
        """Return the selected segment on the editor's grid."""
        return self._logic().GetSelectedSegmentLabelmap() if self._logic().UpdateSelectedSegmentLabelmap() else None

    def referenceGeometryImage(self):
        """Return the editor's grid."""
        return self._logic().GetReferenceGeometryImage() if self._logic().UpdateReferenceGeometryImage() else None

    def modifySelectedSegmentByLabelmap(self, labelmap, mode: int, extent=None, bypassMasking: bool = False) -> None:
        """Change the selected segment."""
        node = self._require_node()
        segmentation, segment = node.GetSegmentationNode(), node.GetSelectedSegmentID()
        self.modifySegmentByLabelmap(segmentation, segment, labelmap, mode, extent, bypassMasking)

    def modifySegmentByLabelmap(
        self, segmentation, segment: str, labelmap, mode: int, extent=None, bypassMasking: bool = False
    ):
        """Change a segment."""
        whole = (0, -1, 0, -1, 0, -1) if extent is None else extent
        kind = getattr(slicer.vtkSlicerSegmentEditorLogic, MODES[mode])
        self._logic().ModifySegmentByLabelmap(segmentation, segment, labelmap, kind, whole, self.perSegment, bypassMasking)

    def confirmCurrentSegmentVisible(self) -> int:
        """Ask whether a hidden segment shall be shown before it is changed."""
        node = self._node
        segmentation = node.GetSegmentationNode() if node is not None else None
        segment_id = node.GetSelectedSegmentID() if node is not None else None
        if segmentation is None or not segment_id:
            return self.ConfirmedWithoutDialog
        segment, display = segmentation.GetSegmentation().GetSegment(segment_id), segmentation.GetDisplayNode()
        shown = display is not None and display.GetVisibility() and display.GetSegmentVisibility(segment_id)
        if shown or segment is self._confirmed:
            return self.ConfirmedWithoutDialog
        box = ctkMessageBox(slicer.util.mainWindow())
        box.windowTitle = "Operate on invisible segment?"
        box.text = "The currently selected segment is hidden. Would you like to make it visible?"
        for button in (box.Yes, box.No, box.Cancel):
            box.addButton(button)
        answer = box.exec()
        if answer == box.Cancel:
            return self.NotConfirmed
        if answer == box.Yes and display is not None:
            display.SetVisibility(True)
            display.SetSegmentVisibility(segment_id, True)
        else:
            self._confirmed = segment
        return self.ConfirmedWithDialog


@stand_in
class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """An effect whose work is done by a Python object, which is found by the path of its file."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._python = None
        self._source = ""

    def setPythonSource(self, path: str) -> bool:
        """Load the file under the name of its folder and make the object of its class; an error is shown, not raised."""
        file = Path(path)
        module_name = file.parent.name
        class_name = file.stem if file.stem.endswith("Effect") else f"{file.stem}Effect"
        try:
            module = sys.modules.get(module_name)
            if not hasattr(module, class_name):
                spec = importlib.util.spec_from_file_location(module_name, file)
                module = importlib.util.module_from_spec(spec)
                sys.modules[module_name] = module
                spec.loader.exec_module(module)
            self._python = getattr(module, class_name)(self)
        except Exception as error:  # noqa: BLE001 - PythonQt prints it and goes on
            remember(error)
            return False
        self._source = str(path)
        setattr(slicer, module_name, self._python)
        return True

    def self(self):
        """Return the Python object."""
        return self._python

    def _call(self, name: str, *arguments: object) -> object:
        function = getattr(self._python, name, None)
        if function is None:
            return None
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - PythonQt prints it and goes on
            remember(error)
            return None

    def icon(self):
        """Return the effect's icon."""
        return self._call("icon") or QtGui.QIcon()

    def helpText(self) -> str:
        """Return the text above the options."""
        return self._call("helpText") or ""

    def clone(self):
        """Return a new effect for another editor."""
        return self._call("clone")

    def activate(self) -> None:
        """Open the effect."""
        self._set_active(True)
        self.optionsFrame().setVisible(True)
        self._call("activate")

    def deactivate(self) -> None:
        """Close the effect."""
        self._set_active(False)
        self.optionsFrame().setVisible(False)
        self._call("deactivate")

    def setupOptionsFrame(self) -> None:
        """Make the options."""
        self._call("setupOptionsFrame")

    def setMRMLDefaults(self) -> None:
        """Set the parameters that were not set."""
        self._call("setMRMLDefaults")

    def updateGUIFromMRML(self) -> None:
        """Show the parameters."""
        self._call("updateGUIFromMRML")

    def updateMRMLFromGUI(self) -> None:
        """Keep what the options show."""
        self._call("updateMRMLFromGUI")

    def sourceVolumeNodeChanged(self) -> None:
        """Tell that the editor has another source volume."""
        self._call("sourceVolumeNodeChanged")

    def referenceGeometryChanged(self) -> None:
        """Tell that the editor has another grid."""
        self._call("referenceGeometryChanged")

    def layoutChanged(self) -> None:
        """Tell that the views changed."""
        self._call("layoutChanged")

    def interactionNodeModified(self, node) -> None:
        """Tell that the mouse mode changed."""
        self._call("interactionNodeModified", node)

    def cleanup(self) -> None:
        """Let everything go."""
        self._call("cleanup")
