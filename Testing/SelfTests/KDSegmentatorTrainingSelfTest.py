"""Self test of the training panel in Slicer: two segmentations compared by its own button, and the slices led to the error."""

from __future__ import annotations

import numpy as np
import slicer.util
from self_testing import SelfTest

import slicer

SHAPE = (20, 24, 28)


class KDSegmentatorTrainingSelfTest(SelfTest):
    def setUp(self) -> None:
        super().setUp()
        self.module = slicer.modules.kdsegmentatortraining
        self.module.widgetRepresentation().enter()
        self.volume = slicer.util.addVolumeFromArray(np.zeros(SHAPE, np.int16), name="volume")
        self.reference = self.addSegmentation("reference", 16)
        self.segmentation = self.addSegmentation("segmentation", 18)

    def tearDown(self) -> None:
        self.module.widgetRepresentation().exit()
        super().tearDown()

    def addSegmentation(self, name: str, end: int):
        """Return a segmentation with a box that ends before voxel ``end`` along i."""
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:12, 5:15, 6:end] = 1
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        identifier = node.GetSegmentation().AddEmptySegment("", "Liver")
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, identifier, self.volume)
        return node

    def control(self):
        return self.module.widgetRepresentation().self().panel.evaluate

    def evaluate(self) -> None:
        self.control().parameters.evaluateFolders = False
        self.control().parameters.evaluatePrediction = self.segmentation
        self.control().parameters.evaluateReference = self.reference
        self.waitUntil(lambda: self.control().tab.start_button.enabled, "the button Evaluate can be pressed", 20)
        self.control().tab.start_button.click()
        self.assertEqual(self.control().tab.start_button.text, "Cancel")
        self.waitUntil(lambda: self.control().tab.start_button.text == "Evaluate", "the comparison ended")

    def test_two_segmentations_become_a_table(self) -> None:
        self.evaluate()
        table = self.control().parameters.evaluateTable
        self.assertEqual(table.GetNumberOfRows(), 1)
        self.assertAlmostEqual(float(table.GetTable().GetColumnByName("Dice").GetValue(0)), 2 * 800 / (800 + 960))
        self.assertAlmostEqual(float(table.GetTable().GetColumnByName("HD [mm]").GetValue(0)), 2.0)

    def test_a_row_leads_to_the_largest_error(self) -> None:
        self.evaluate()
        self.control().results.go_to(0)
        crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").GetCrosshairRAS()
        self.assertAlmostEqual(crosshair[0], 17.5, places=6)

    def test_another_grid_is_refused_before_anything_starts(self) -> None:
        coarse = slicer.util.addVolumeFromArray(np.zeros((10, 12, 14), np.int16), name="coarse")
        coarse.SetSpacing(2.0, 2.0, 2.0)
        self.volume = coarse
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "coarse segmentation")
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
        identifier = self.segmentation.GetSegmentation().AddEmptySegment("", "Liver")
        mask = np.zeros((10, 12, 14), np.uint8)
        mask[2:6, 3:7, 3:8] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, self.segmentation, identifier, coarse)
        self.control().parameters.evaluatePrediction = self.segmentation
        self.control().parameters.evaluateReference = self.reference
        self.assertFalse(self.control().tab.start_button.enabled)
        self.assertIn("different grids", self.control().tab.status.sentence_label.text)
        self.control().parameters.evaluateResample = True
        self.assertTrue(self.control().tab.start_button.enabled)
