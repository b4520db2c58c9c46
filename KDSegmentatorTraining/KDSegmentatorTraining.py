"""The module KDSegmentatorTraining: description, panel and self test. The work is done in ``KDSegmentatorTrainingLib``."""

from __future__ import annotations

import sys
from typing import Any, Optional

import qt
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

import slicer

__all__ = ["KDSegmentatorTraining", "KDSegmentatorTrainingLogic", "KDSegmentatorTrainingTest", "KDSegmentatorTrainingWidget"]

HOME_PAGE = "https://github.com/KDSegmentator/SlicerKDSegmentator"


class KDSegmentatorTraining(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("KDSegmentator Training")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "KDSegmentator"]  # the classes of its nodes; the library of students
        parent.contributors = ["KDSegmentator contributors"]
        parent.helpText = _(
            "For those who make students: distil one from your own nnU-Net model, compare its segmentations with a reference,"
            " and measure how fast it is on this computer. Evaluate and Profile run on this computer's own processor, without"
            ' internet. For research only. See the <a href="{url}">documentation</a>.'
        ).format(url=HOME_PAGE)
        parent.acknowledgementText = _(
            "Teachers are models of nnU-Net: Isensee, Jaeger, Kohl, Petersen and Maier-Hein, Nature Methods 18, 203–211"
            ' (2021), <a href="https://doi.org/10.1038/s41592-020-01008-z">doi:10.1038/s41592-020-01008-z</a>. Measures follow'
            ' Metrics Reloaded, <a href="https://doi.org/10.1038/s41592-023-02151-z">doi:10.1038/s41592-023-02151-z</a>.'
        )


class KDSegmentatorTrainingLogic(ScriptedLoadableModuleLogic):
    """Gives the panel its parameter node; the work is done by child processes."""


class KDSegmentatorTrainingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Gives the panel its place, its parameter node and the scene's events."""

    logic: Optional[KDSegmentatorTrainingLogic] = None
    panel: Optional[Any] = None

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        """Make the panel; called once, when the module is first opened."""
        from KDSegmentatorTrainingLib.panel.panel import TrainingPanel

        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/KDSegmentatorTraining.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.logic = KDSegmentatorTrainingLogic()
        self.panel = TrainingPanel(root)
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
        for name in [name for name in sys.modules if name.split(".")[0] == "KDSegmentatorTrainingLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def bindParameterNode(self) -> None:
        """Give the panel the parameter node of the scene."""
        from KDSegmentatorTrainingLib.parameters import TrainingParameterNode

        if self.panel is not None and self.logic is not None:
            wrapper: Any = TrainingParameterNode  # Slicer's decorator gives it a constructor that takes the node
            self.panel.bind(wrapper(ScriptedLoadableModuleLogic.getParameterNode(self.logic)))

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
        """Look again when segmentations or volumes come or go, as soon as the scene is at rest."""
        kinds = ("vtkMRMLSegmentationNode", "vtkMRMLScalarVolumeNode")
        if node is not None and any(map(node.IsA, kinds)) and not slicer.mrmlScene.IsBatchProcessing():
            qt.QTimer.singleShot(0, self.refresh)

    def refresh(self) -> None:
        """Look at scene and students again."""
        if self.panel is not None and not slicer.mrmlScene.IsBatchProcessing():
            self.panel.refresh()


class KDSegmentatorTrainingTest(ScriptedLoadableModuleTest):
    """Self test for Slicer's own test runner and for the button Test; Testing/SelfTests has more."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def test_the_panel_has_its_three_tabs(self) -> None:
        """Open the panel: it is made, and shows what one can do."""
        widget = slicer.modules.kdsegmentatortraining.widgetRepresentation()
        tabs = slicer.util.findChild(widget, "tabs")
        texts = [tabs.tabText(index).replace("&", "") for index in range(tabs.count)]
        self.assertEqual(texts, ["Distil", "Evaluate", "Profile"])
