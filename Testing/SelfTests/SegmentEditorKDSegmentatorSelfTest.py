"""Self test of the effect in Slicer's Segment Editor: all structures, one structure, undo."""

from __future__ import annotations

from self_testing import STRUCTURES, SelfTest, addVolume, chooseStudent, names, voxels

import slicer

EFFECT = "KD Segmentator"


class SegmentEditorKDSegmentatorSelfTest(SelfTest):
    def setUp(self) -> None:
        super().setUp()
        self.volume = addVolume()
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.setMRMLScene(slicer.mrmlScene)
        self.editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        self.editor.setSegmentationNode(self.segmentation)
        self.editor.setSourceVolumeNode(self.volume)
        self.editor.show()
        self.editor.setActiveEffectByName(EFFECT)
        chooseStudent(self.options().student_combo)

    def tearDown(self) -> None:
        self.editor.setActiveEffectByName("")
        self.editor.close()
        self.editor.deleteLater()
        super().tearDown()

    def options(self):
        return self.editor.activeEffect().self().control.options

    def apply(self) -> None:
        """Press Apply and wait for the end."""
        self.options().apply_button.click()
        self.assertEqual(self.options().apply_button.text, "Cancel")
        self.waitUntil(lambda: self.options().apply_button.text == "Apply", "the effect ended")

    def test_the_effect_is_offered(self) -> None:
        self.assertIn(EFFECT, self.editor.availableEffectNames())
        self.assertEqual(self.editor.activeEffect().name, EFFECT)

    def test_all_structures_and_one_undo(self) -> None:
        self.apply()
        self.assertStructuresFound(self.segmentation, self.volume)
        self.editor.undo()
        self.assertEqual(names(self.segmentation), ())
        self.editor.redo()
        self.assertStructuresFound(self.segmentation, self.volume)

    def test_one_structure_into_the_selected_segment(self) -> None:
        self.segmentation.GetSegmentation().AddEmptySegment("mine", "mine")
        self.editor.setCurrentSegmentID("mine")
        self.options().structure_combo.currentIndex = 2
        self.apply()
        self.assertEqual(names(self.segmentation), ("mine",))
        self.assertGreater(int(voxels(self.segmentation, "mine", self.volume).sum()), 30, STRUCTURES[1])

    def test_the_mask_of_the_editor_holds(self) -> None:
        node = self.editor.mrmlSegmentEditorNode()
        node.SetSourceVolumeIntensityMask(True)
        node.SetSourceVolumeIntensityMaskRange(150, 1000)
        self.apply()
        intensities = slicer.util.arrayFromVolume(self.volume)
        for name in names(self.segmentation):
            self.assertGreaterEqual(int(intensities[voxels(self.segmentation, name, self.volume) > 0].min()), 150)
