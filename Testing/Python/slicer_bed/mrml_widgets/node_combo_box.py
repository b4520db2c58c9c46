"""The selector of a node."""

from __future__ import annotations

import weakref

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal
from shiboken6 import isValid

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field


def _filled(kind: object, default: object):
    return field(kind, default, lambda self: self._fill())


@stand_in
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Shows the scene's nodes of some types and remembers which one is chosen."""

    CPP_SIGNALS = (
        *("currentNodeChanged(vtkMRMLNode*)", "currentNodeChanged(bool)", "nodeActivated(vtkMRMLNode*)"),
        *("nodeAdded(vtkMRMLNode*)", "nodeAddedByUser(vtkMRMLNode*)", "nodeAboutToBeRemoved(vtkMRMLNode*)"),
        "currentNodeRenamed(QString)",
    )
    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    currentNodeRenamed = Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._box = QtWidgets.QComboBox()
        layout.addWidget(self._box)
        self._scene = None
        self._current = ""
        self._observed: list[tuple[object, int]] = []
        self._attributes: dict[str, dict[str, object]] = {}
        self._box.currentIndexChanged.connect(lambda index: self._choose(self._box.itemData(index) or ""))
        self._box.activated.connect(lambda index: self.nodeActivated.emit(self.currentNode()))
        self.setFocusProxy(self._box)

    nodeTypes = _filled("QStringList", [])
    noneEnabled = _filled(bool, False)
    noneDisplay = _filled(str, "None")
    showHidden = _filled(bool, False)
    showChildNodeTypes = _filled(bool, True)
    hideChildNodeTypes = _filled("QStringList", [])
    addEnabled = field(bool, True)
    removeEnabled = field(bool, True)
    editEnabled = field(bool, False)
    renameEnabled = field(bool, False)
    selectNodeUponCreation = field(bool, True)
    baseName = field(str, "")
    interactionNodeSingletonTag = field(str, "")
    sizeAdjustPolicy = field(int, 0)

    def mrmlScene(self):
        """Return the scene."""
        return self._scene

    def setMRMLScene(self, scene) -> None:
        """Show the nodes of a scene."""
        if scene is self._scene:
            return
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed, self._scene = [], scene
        if scene is not None:
            this = weakref.ref(self)
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent):
                self._observed.append((scene, scene.AddObserver(event, lambda *_: _refill(this))))
        self._fill()

    def addAttribute(self, node_type: str, name: str, value=None) -> None:
        """Show only nodes of a type that have an attribute, with this value unless it is None."""
        self._attributes.setdefault(node_type, {})[name] = value
        self._fill()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._attributes.get(node_type, {}).pop(name, None)
        self._fill()

    def _shown(self, node) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        kind = next((name for name in self.nodeTypes if node.IsA(name)), None)
        if kind is None or (not self.showChildNodeTypes and node.GetClassName() != kind):
            return False
        if any(node.IsA(name) for name in self.hideChildNodeTypes):
            return False
        wanted = self._attributes.get(kind, {})
        return all(
            (node.GetAttribute(key) is not None) if value is None else (node.GetAttribute(key) == str(value))
            for key, value in wanted.items()
        )

    def _nodes(self) -> list:
        if self._scene is None or self._scene.IsBatchProcessing():
            return []
        nodes = (self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes()))
        return [node for node in nodes if self._shown(node)]

    def _fill(self) -> None:
        """Show what the scene has now; without "none" the first node is chosen when the chosen one is gone."""
        if self._scene is not None and self._scene.IsBatchProcessing():
            return
        items = [(self.noneDisplay, "")] if self.noneEnabled else []
        items += [(node.GetName() or "", node.GetID()) for node in self._nodes()]
        identifiers = [identifier for _, identifier in items]
        chosen = self._current if self._current in identifiers else next(iter(identifiers), "")
        self._box.blockSignals(True)
        self._box.clear()
        for text, identifier in items:
            self._box.addItem(text, identifier)
        self._box.setCurrentIndex(identifiers.index(chosen) if chosen in identifiers else -1)
        self._box.blockSignals(False)
        self._choose(chosen)

    def _choose(self, identifier: str) -> None:
        if identifier != self._current:
            self._current = identifier
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(identifier)

    def currentNode(self):
        """Return the chosen node, or None."""
        return self._scene.GetNodeByID(self._current) if self._scene is not None and self._current else None

    def setCurrentNode(self, node) -> None:
        """Choose a node, given as such or by its ID."""
        identifier = node if isinstance(node, str) else node.GetID() if node is not None else ""
        index = self._box.findData(identifier) if identifier else (0 if self.noneEnabled else -1)
        if identifier and index < 0:
            index = 0 if self.noneEnabled else -1
        self._box.setCurrentIndex(index)
        self._choose(self._box.itemData(index) or "" if index >= 0 else "")

    def setCurrentNodeID(self, identifier: str) -> None:
        """Choose a node by its ID."""
        self.setCurrentNode(identifier or None)

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose a node by its place in the list, "none" not counted."""
        self.setCurrentNode(self.nodeFromIndex(index))

    currentNodeID = Property(str, lambda self: self._current, setCurrentNodeID)

    def nodeCount(self) -> int:
        """Return how many nodes are shown."""
        return len(self._nodes())

    def nodeFromIndex(self, index: int):
        """Return a shown node by its place, "none" not counted."""
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def addNode(self, node_type: str = ""):
        """Make a new node, as the user does by "Create new"."""
        node = self._scene.AddNewNodeByClass(
            node_type or self.nodeTypes[0], self._scene.GenerateUniqueName(self.baseName or "Node")
        )
        for name, value in self._attributes.get(node.GetClassName(), {}).items():
            node.SetAttribute(name, "" if value is None else str(value))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAdded.emit(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """Remove the chosen node from the scene."""
        node = self.currentNode()
        if node is not None:
            self.nodeAboutToBeRemoved.emit(node)
            self._scene.RemoveNode(node)


def _refill(reference: weakref.ref) -> None:
    selector = reference()
    if selector is not None and isValid(selector) and isValid(selector._box):
        selector._fill()
