"""Self test of the panel in Slicer: a segmentation by its own button, cancelled by the same button, and reloaded."""

from __future__ import annotations

import slicer.util
from self_testing import SelfTest, addVolume, chooseStudent, segmentationCount

import slicer


class KDSegmentatorPanelSelfTest(SelfTest):
    def setUp(self) -> None:
        super().setUp()
        self.module = slicer.modules.kdsegmentator
        self.module.widgetRepresentation().enter()
        self.volume = addVolume()
        self.panel().ui.inputSelector.setCurrentNode(self.volume)
        chooseStudent(self.panel().students.picker.combo)
        self.waitUntil(lambda: self.panel().ui.segmentButton.enabled, "the button Segment can be pressed", 20)

    def tearDown(self) -> None:
        self.module.widgetRepresentation().exit()
        super().tearDown()

    def panel(self):
        return self.module.widgetRepresentation().self().panel

    def text(self) -> str:
        """Return the button's text, without the mark of its key."""
        return self.panel().ui.segmentButton.text.replace("&", "")

    def test_the_button_segments(self) -> None:
        self.panel().ui.segmentButton.click()
        self.assertEqual(self.text(), "Cancel")
        self.waitUntil(lambda: self.text() == "Segment", "the run ended")
        self.assertStructuresFound(self.panel().ui.outputSelector.currentNode(), self.volume)

    def test_the_same_button_cancels(self) -> None:
        self.panel().ui.segmentButton.click()
        self.panel().ui.segmentButton.click()
        self.waitUntil(lambda: self.text() == "Segment", "the run ended")
        self.assertEqual(segmentationCount(), 0)
        self.assertTrue(self.panel().ui.segmentButton.enabled)

    def test_reload_makes_a_working_panel(self) -> None:
        before = self.panel()
        slicer.util.reloadScriptedModule("KDSegmentator")
        self.assertIsNot(self.panel(), before)
        self.waitUntil(lambda: self.panel().ui.inputSelector.currentNode() is self.volume, "the volume is still chosen", 20)
