"""The part of Slicer's file manager that ``slicer.util.load…`` and ``slicer.util.save…`` use, on the real storage nodes."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore

import slicer

from ..pythonqt.classes import stand_in

# File type: class of the node, class of its storage node.
READERS = {
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
    "TransformFile": ("vtkMRMLTransformNode", "vtkMRMLTransformStorageNode"),
    "ColorTableFile": ("vtkMRMLColorTableNode", "vtkMRMLColorTableStorageNode"),
    "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode"),
}


@stand_in
class IOManager(QtCore.QObject):
    """``slicer.app.coreIOManager()``."""

    def __init__(self, mrml, parent=None) -> None:
        super().__init__(parent)
        self._mrml = mrml

    def loadNodes(self, file_type: str, properties: dict, collection=None, messages=None) -> bool:
        """Read a file into new nodes of the scene."""
        if file_type == "SceneFile":
            return self.loadScene(str(properties["fileName"]), bool(properties.get("clear", False)))
        path = str(properties["fileName"])
        name = properties.get("name") or Path(path).name.split(".")[0]
        node = (
            self._load_volume(path, name, properties)
            if file_type == "VolumeFile"
            else self._load(file_type, path, name, messages)
        )
        if node is not None and collection is not None:
            collection.AddItem(node)
        return node is not None

    def _load_volume(self, path: str, name: str, properties: dict):
        return self._mrml.logics["volumes"].AddArchetypeVolume(path, name, 1 if properties.get("labelmap") else 0)

    def _load(self, file_type: str, path: str, name: str, messages):
        scene = self._mrml.scene
        node_class, storage_class = READERS[file_type]
        storage, node = scene.AddNewNodeByClass(storage_class), scene.AddNewNodeByClass(node_class, name)
        storage.SetFileName(path)
        if not storage.ReadData(node):
            if messages is not None:
                messages.AddMessages(storage.GetUserMessages())
            scene.RemoveNode(node)
            scene.RemoveNode(storage)
            return None
        node.SetAndObserveStorageNodeID(storage.GetID())
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return node

    def saveNodes(self, file_type: str, properties: dict, messages=None) -> bool:
        """Write a node with its own storage node."""
        if file_type == "SceneFile":
            return self.saveScene(str(properties["fileName"]), None)
        node = self._mrml.scene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(properties["fileName"]))
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        written = bool(storage.WriteData(node))
        if messages is not None:
            messages.AddMessages(storage.GetUserMessages())
        return written

    def saveScene(self, path: str, screenshot=None, messages=None) -> bool:
        """Write the scene: a ``.mrb`` with everything, or a ``.mrml`` and its nodes' files beside it."""
        scene = self._mrml.scene
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path, None))
        scene.SetURL(path)
        scene.SetRootDirectory(str(Path(path).parent))
        return bool(scene.Commit())

    def loadScene(self, path: str, clear: bool = True) -> bool:
        """Read a scene."""
        scene = self._mrml.scene
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def fileWriterFileType(self, node) -> str:
        """Return the file type that Slicer would write a node as."""
        return node.GetClassName()

    def fileType(self, path: str) -> str:
        """Return the file type of a file, from its name."""
        name = Path(path).name.lower()
        endings = {
            ".seg.nrrd": "SegmentationFile",
            ".mrb": "SceneFile",
            ".mrml": "SceneFile",
            ".tsv": "TableFile",
            ".csv": "TableFile",
        }
        return next((kind for ending, kind in endings.items() if name.endswith(ending)), "VolumeFile")

    def addDefaultStorageNodes(self) -> None:
        """Give every storable node a storage node."""
        for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
            node.AddDefaultStorageNode()
