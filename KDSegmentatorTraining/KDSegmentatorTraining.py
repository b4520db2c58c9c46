"""The module KDSegmentatorTraining: description, panel and self test. The work is done in ``KDSegmentatorTrainingLib``."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest

import slicer
from KDSegmentatorLib.module_widget import PanelModuleWidget

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


class KDSegmentatorTrainingWidget(PanelModuleWidget):
    """The panel with the tabs Distil, Evaluate and Profile."""

    WATCHED = ("vtkMRMLSegmentationNode", "vtkMRMLScalarVolumeNode")
    LIBRARY = "KDSegmentatorTrainingLib"

    def makeLogic(self) -> KDSegmentatorTrainingLogic:
        """Return what holds the parameter node."""
        return KDSegmentatorTrainingLogic()

    def makePanel(self, root: Any) -> Any:
        """Return the panel; its code is loaded when it is first opened."""
        from KDSegmentatorTrainingLib.panel.panel import TrainingPanel

        return TrainingPanel(root)

    def parameterNodeWrapper(self) -> Any:
        """Return the class of the panel's choices."""
        from KDSegmentatorTrainingLib.parameters import TrainingParameterNode

        return TrainingParameterNode


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
