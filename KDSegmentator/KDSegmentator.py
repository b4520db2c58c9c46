"""The module KDSegmentator: description, panel and self test. The work is done in ``KDSegmentatorLib``."""

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
from KDSegmentatorLib import sample_data
from KDSegmentatorLib.logic import KDSegmentatorLogic

__all__ = ["KDSegmentator", "KDSegmentatorLogic", "KDSegmentatorTest", "KDSegmentatorWidget"]

HOME_PAGE = "https://github.com/KDSegmentator/SlicerKDSegmentator"


class KDSegmentator(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("KDSegmentator")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]  # the classes of its nodes
        parent.contributors = ["KDSegmentator contributors"]
        parent.helpText = _(
            "Segments CT and MR volumes on this computer's own processor, without internet, with students: small networks that"
            " carry what a large nnU-Net knows. Choose a volume and a student, and press Segment. For research only."
            ' See the <a href="{url}">documentation</a>.'
        ).format(url=HOME_PAGE)
        parent.acknowledgementText = _(
            "Students are trained with nnU-Net: Isensee, Jaeger, Kohl, Petersen and Maier-Hein, Nature Methods 18, 203–211"
            ' (2021), <a href="https://doi.org/10.1038/s41592-020-01008-z">doi:10.1038/s41592-020-01008-z</a>. Distillation'
            ' follows <a href="https://arxiv.org/abs/2601.09191">arXiv:2601.09191</a>,'
            ' <a href="https://arxiv.org/abs/2601.08301">arXiv:2601.08301</a> and'
            ' <a href="https://arxiv.org/abs/2404.02738">arXiv:2404.02738</a>. Each student has its own licence and'
            " attribution, shown on its card."
        )
        slicer.app.connect("startupCompleted()", sample_data.register)


class KDSegmentatorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Gives the panel its place, its parameter node and the scene's events."""

    logic: Optional[KDSegmentatorLogic] = None
    panel: Optional[Any] = None

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        """Make the panel; called once, when the module is first opened."""
        from KDSegmentatorLib.panel.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/KDSegmentator.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.logic = KDSegmentatorLogic()
        self.panel = Panel(root, self.logic)
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
        """Let the parameter node go; a run goes on."""
        if self.panel is not None:
            self.panel.unbind()

    def cleanup(self) -> None:
        """Stop a run and remove what was connected: the module is unloaded or reloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.clean_up()
            self.panel = None

    def onReload(self) -> None:
        """Reload the library together with the module."""
        for name in [name for name in sys.modules if name.split(".")[0] == "KDSegmentatorLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def bindParameterNode(self) -> None:
        """Give the panel the parameter node of the scene."""
        from KDSegmentatorLib.parameters import KDSegmentatorParameterNode

        if self.panel is not None and self.logic is not None:
            wrapper: Any = KDSegmentatorParameterNode  # Slicer's decorator gives it a constructor that takes the node
            self.panel.bind(wrapper(ScriptedLoadableModuleLogic.getParameterNode(self.logic)))

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Stop a run before its nodes go."""
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
        """Look again when volumes or segmentations come or go, as soon as the scene is at rest."""
        if node is not None and node.IsA("vtkMRMLScalarVolumeNode") and not slicer.mrmlScene.IsBatchProcessing():
            qt.QTimer.singleShot(0, self.refresh)

    def refresh(self) -> None:
        """Look at scene and students again."""
        if self.panel is not None and not slicer.mrmlScene.IsBatchProcessing():
            self.panel.refresh()


class KDSegmentatorTest(ScriptedLoadableModuleTest):
    """Self test for Slicer's own test runner and for the button Test; Testing/SelfTests has more."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def test_the_shipped_student_segments(self) -> None:
        """Segment a small volume with the student that ships: the child process works, and the result is the volume's."""
        import numpy as np

        volume = slicer.util.addVolumeFromArray(np.random.default_rng(0).integers(0, 200, (40, 56, 40)).astype(np.int16))
        logic = KDSegmentatorLogic()
        logic.installPackages()
        run = logic.segment(volume, "hippocampus", wait=False, mirroring=False)
        run.wait()
        run.raise_for_outcome()
        names = run.notFound
        segmentation = run.segmentationNode.GetSegmentation()
        names += tuple(segmentation.GetNthSegment(i).GetName() for i in range(segmentation.GetNumberOfSegments()))
        self.assertEqual(sorted(names), ["Anterior hippocampus", "Posterior hippocampus"])
        reference = run.segmentationNode.GetNodeReference("referenceImageGeometryRef")
        self.assertIs(reference, volume)
