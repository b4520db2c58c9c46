"""What the widgets of this extension's modules share: a panel, its parameter node, and the scene's events."""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Optional, Tuple

import qt
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

import slicer


class PanelModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Gives a panel its place, its parameter node and the scene's events; a module says which panel.

    Attributes
    ----------
    WATCHED
        Classes of the nodes that the panel looks for again when they come or go.
    LIBRARY
        The package that is loaded anew together with the module; this class is in ``KDSegmentatorLib``.
    logic, panel
        None before :meth:`setup`; the panel also after :meth:`cleanup`.
    """

    WATCHED: ClassVar[Tuple[str, ...]] = ()
    LIBRARY: ClassVar[str] = ""
    logic: Optional[Any] = None
    panel: Optional[Any] = None

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def makeLogic(self) -> Any:
        """Return the module's logic."""
        raise NotImplementedError

    def makePanel(self, root: Any) -> Any:
        """Return the panel that lives in the widgets of the module's ``.ui`` file."""
        raise NotImplementedError

    def parameterNodeWrapper(self) -> Any:
        """Return the class that gives a parameter node its names and types."""
        raise NotImplementedError

    def setup(self) -> None:
        """Make the panel; called once, when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self.panel = self.makePanel(root)
        scene = slicer.mrmlScene
        for event, method in (
            (scene.StartCloseEvent, self.onSceneStartClose),
            (scene.EndCloseEvent, self.onSceneReplaced),
            (scene.StartImportEvent, self.onSceneStartImport),
            (scene.EndImportEvent, self.onSceneReplaced),
            (scene.NodeAddedEvent, self.onNodeAddedOrRemoved),
            (scene.NodeRemovedEvent, self.onNodeAddedOrRemoved),
        ):
            self.addObserver(scene, event, method)
        self.bindParameterNode()

    def enter(self) -> None:
        """Show the panel with the choices of the scene."""
        self.bindParameterNode()

    def exit(self) -> None:
        """Let the parameter node go; what runs goes on."""
        if self.panel is not None:
            self.panel.unbind()

    def cleanup(self) -> None:
        """Stop what runs and remove what was connected: the module is unloaded or reloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.clean_up()
            self.panel = None

    def onReload(self) -> None:
        """Reload the library together with the module."""
        for name in [name for name in sys.modules if name.split(".")[0] == self.LIBRARY]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def bindParameterNode(self) -> None:
        """Give the panel the parameter node of the scene."""
        if self.panel is not None and self.logic is not None:
            self.panel.bind(self.parameterNodeWrapper()(ScriptedLoadableModuleLogic.getParameterNode(self.logic)))

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Stop what works on nodes before they go."""
        if self.panel is not None:
            self.panel.forget_scene()

    def onSceneStartImport(self, caller: Any, event: Any) -> None:
        """Let the parameter node go: it is read before the nodes that it names."""
        if self.panel is not None:
            self.panel.unbind()

    def onSceneReplaced(self, caller: Any, event: Any) -> None:
        """Show the choices of the new scene, as soon as the selectors know its nodes."""
        qt.QTimer.singleShot(0, self.bindIfEntered)

    def bindIfEntered(self) -> None:
        """Give the panel the parameter node of the scene if the panel is shown."""
        if self.panel is not None and self.parent.isEntered:
            self.bindParameterNode()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAddedOrRemoved(self, caller: Any, event: Any, node: Any) -> None:
        """Look again when nodes that matter come or go, as soon as the scene is at rest."""
        if node is not None and any(map(node.IsA, self.WATCHED)) and not slicer.mrmlScene.IsBatchProcessing():
            qt.QTimer.singleShot(0, self.refresh)

    def refresh(self) -> None:
        """Look at scene and students again."""
        if self.panel is not None and not slicer.mrmlScene.IsBatchProcessing():
            self.panel.refresh()
