"""The module KDSegmentator: description, panel and self test. The work is done in ``KDSegmentatorLib``."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

import slicer
from KDSegmentatorLib import sample_data
from KDSegmentatorLib.logic import KDSegmentatorLogic
from KDSegmentatorLib.module_widget import PanelModuleWidget

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


class KDSegmentatorWidget(PanelModuleWidget):
    """The panel that segments."""

    WATCHED = ("vtkMRMLScalarVolumeNode",)
    LIBRARY = "KDSegmentatorLib"

    def makeLogic(self) -> KDSegmentatorLogic:
        """Return the logic that scripts use, too."""
        return KDSegmentatorLogic()

    def makePanel(self, root: Any) -> Any:
        """Return the panel; its code is loaded when it is first opened."""
        from KDSegmentatorLib.panel.panel import Panel

        return Panel(root, self.logic)

    def parameterNodeWrapper(self) -> Any:
        """Return the class of the panel's choices."""
        from KDSegmentatorLib.parameters import KDSegmentatorParameterNode

        return KDSegmentatorParameterNode


class KDSegmentatorTest(ScriptedLoadableModuleTest):
    """Self test for Slicer's own test runner and for the button Test; Testing/SelfTests has more."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def test_a_shipped_student_segments(self) -> None:
        """Segment a small volume with a student that ships: the child process works, and the result is the volume's."""
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
