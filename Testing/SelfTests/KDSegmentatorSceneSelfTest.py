"""Self test of saving in Slicer: a scene with a result comes back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import slicer.util
from self_testing import STRUCTURES, STUDENT, SelfTest, addVolume, names, voxels

import slicer


class KDSegmentatorSceneSelfTest(SelfTest):
    def test_a_saved_scene_comes_back(self) -> None:
        volume = addVolume(name="kept volume")
        node = self.logic.segment(volume, STUDENT, mirroring=False)
        node.SetName("kept segmentation")
        before = {name: voxels(node, name, volume) for name in STRUCTURES}
        looks = [self.look(node, name) for name in STRUCTURES]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.mrb"
            self.assertTrue(slicer.util.saveScene(str(path)))
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(str(path))
            node, volume = slicer.util.getNode("kept segmentation"), slicer.util.getNode("kept volume")
            self.assertEqual(names(node), STRUCTURES)
            for name in STRUCTURES:
                np.testing.assert_array_equal(voxels(node, name, volume), before[name])
            self.assertEqual([self.look(node, name) for name in STRUCTURES], looks)
            self.assertEqual(node.GetNodeReferenceID("referenceImageGeometryRef"), volume.GetID())
            slicer.mrmlScene.Clear()

    def look(self, node, name: str) -> tuple:
        """Return a segment's colour and codes."""
        segmentation = node.GetSegmentation()
        segment = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(name))
        color = tuple(round(value * 255) for value in segment.GetColor())
        return color, self.terminology(segment)

    def terminology(self, segment) -> str:
        """Return a segment's terminology as text."""
        import vtk

        text = vtk.mutable("")
        self.assertTrue(segment.GetTag("TerminologyEntry", text))
        return str(text)
