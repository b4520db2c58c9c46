"""The Segment Editor's widget: effects, undo and the editor's node; its tables and selectors are not played."""

from __future__ import annotations

import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

import slicer

from ..mrml_widgets.base import qMRMLWidget
from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field
from .factory import qSlicerSegmentEditorEffectFactory


@stand_in
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """A Segment Editor; ``UndoButton``, ``RedoButton`` and a button named after each effect can be clicked."""

    CPP_SIGNALS = (
        *("currentSegmentIDChanged(QString)", "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)"),
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)",
    )
    currentSegmentIDChanged = Signal(str)
    sourceVolumeNodeChanged = Signal(object)
    segmentationNodeChanged = Signal(object)

    maximumNumberOfUndoStates = field(int, 10, lambda self: self._set_depth())
    readOnly = field(bool, False)
    maskingSectionVisible = field(bool, True)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._node = None
        self._tags: list[int] = []
        self._effects: list = []
        self._active = None
        self._buttons = QtWidgets.QButtonGroup(self)
        QtWidgets.QVBoxLayout(self)
        self._undo, self._redo = self._tool("UndoButton", self.undo), self._tool("RedoButton", self.redo)
        self._set_depth()
        self.updateEffectList()

    def _set_depth(self) -> None:
        self._logic.SetMaximumNumberOfUndoStates(self.maximumNumberOfUndoStates)

    def _tool(self, name: str, action) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(self)
        QtCore.QObject.setObjectName(button, name)
        button.setText(name)
        self.layout().addWidget(button)
        button.clicked.connect(lambda: action())  # noqa: PLW0108 - the argument of clicked(bool) stays behind
        return button

    # -- scene and node --------------------------------------------------------------------------------------------
    def setMRMLScene(self, scene) -> None:
        """Set the scene."""
        self._logic.SetMRMLScene(scene)
        super().setMRMLScene(scene)

    def mrmlSegmentEditorNode(self):
        """Return the editor's node."""
        return self._node

    def setMRMLSegmentEditorNode(self, node) -> None:
        """Set the editor's node."""
        if node is self._node:
            return
        for tag in self._tags:
            self._node.RemoveObserver(tag)
        self._node, self._tags = node, []
        self._logic.SetSegmentEditorNode(node)
        if node is None:
            return
        for effect in self._effects:
            self._give_node(effect)
        self._tags.append(node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.updateWidgetFromMRML()))
        self._tags.append(node.AddObserver(node.EffectParameterModified, lambda *_: self._tell_effects()))
        self.updateWidgetFromMRML()

    def _give_node(self, effect) -> None:
        effect.setParameterSetNode(self._node)
        effect.setMRMLDefaults()

    def _tell_effects(self) -> None:
        for effect in self._effects:
            effect.updateGUIFromMRML()

    def segmentationNode(self):
        """Return the segmentation."""
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node) -> None:
        """Edit a segmentation."""
        self._logic.SetSegmentationNode(node)
        self.segmentationNodeChanged.emit(node)

    def sourceVolumeNode(self):
        """Return the source volume."""
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node) -> None:
        """Edit on a volume."""
        self._logic.SetSourceVolumeNode(node)
        for effect in self._effects:
            effect.sourceVolumeNodeChanged()
        self.sourceVolumeNodeChanged.emit(node)

    def currentSegmentID(self) -> str:
        """Return the selected segment."""
        return self._node.GetSelectedSegmentID() or "" if self._node is not None else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Select a segment."""
        self._node.SetSelectedSegmentID(segment_id)
        self.currentSegmentIDChanged.emit(segment_id)

    # -- effects -----------------------------------------------------------------------------------------------------
    def updateEffectList(self) -> None:
        """Take over the effects that were registered since the last time."""
        known = {effect.name for effect in self._effects}
        for registered in qSlicerSegmentEditorEffectFactory.instance().registeredEffects():
            effect = registered.clone() if registered.name not in known else None
            if effect is None:
                continue
            effect._editor = self
            self._effects.append(effect)
            if self._node is not None:
                self._give_node(effect)
            self._add_button(effect)
            effect.setupOptionsFrame()
            effect.optionsFrame().setVisible(False)
            self.layout().addWidget(effect.optionsFrame())

    def _add_button(self, effect) -> None:
        button = self._tool(effect.name, lambda: self.setActiveEffect(effect))
        button.setCheckable(True)
        button.setText(effect.title)
        button.setToolTip(effect.title)
        button.setIcon(effect.icon())
        self._buttons.addButton(button)

    def availableEffectNames(self) -> tuple[str, ...]:
        """Return the names of the effects."""
        return tuple(effect.name for effect in self._effects)

    def effectCount(self) -> int:
        """Return how many effects there are."""
        return len(self._effects)

    def effectByName(self, name: str):
        """Return an effect, or None."""
        return next((effect for effect in self._effects if effect.name == name), None)

    def activeEffect(self):
        """Return the open effect, or None."""
        return self._active

    def setActiveEffect(self, effect) -> None:
        """Open an effect; None opens none."""
        self._node.SetActiveEffectName(effect.name if effect is not None else "")

    def setActiveEffectByName(self, name: str) -> None:
        """Open an effect by its name."""
        self.setActiveEffect(self.effectByName(name))

    def updateWidgetFromMRML(self) -> None:
        """Follow the editor's node."""
        segmentation = self.segmentationNode()
        ready = segmentation is not None and self.sourceVolumeNode() is not None
        count = segmentation.GetSegmentation().GetNumberOfSegments() if segmentation is not None else 0
        for button in self._buttons.buttons():
            effect = self.effectByName(button.objectName)
            usable = count > 0 and (bool(self.currentSegmentID()) or not effect.perSegment)
            button.setEnabled(ready and (not effect.requireSegments or usable))
        self._follow_effect(ready)

    def _follow_effect(self, ready: bool) -> None:
        wanted = self.effectByName(self._node.GetActiveEffectName()) if ready else None
        if wanted is self._active:
            return
        if self._active is not None:
            self._active.deactivate()
        self._active = wanted
        if wanted is not None and not self._logic.SetSourceRepresentationToBinaryLabelMap():
            self._active = None
        elif wanted is not None:
            wanted.activate()
        for button in self._buttons.buttons():
            button.setChecked(wanted is not None and button.objectName == wanted.name)

    # -- undo ---------------------------------------------------------------------------------------------------------
    def saveStateForUndo(self) -> None:
        """Keep the segments as they are now."""
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        """Return to the state that was kept last."""
        self._logic.Undo()

    def redo(self) -> None:
        """Take `undo` back."""
        self._logic.Redo()

    def event(self, event) -> bool:
        """Let the effects clean up right before the editor is destroyed, as the C++ destructor does since Slicer 5.10."""
        if event.type() == QtCore.QEvent.DeferredDelete:
            self._close()
        return super().event(event)

    def _close(self) -> None:
        """Do what happens when the editor is destroyed."""
        effects, self._effects = self._effects, []
        for effect in effects:
            effect.cleanup()
        self._active = None
        self.setMRMLSegmentEditorNode(None)
