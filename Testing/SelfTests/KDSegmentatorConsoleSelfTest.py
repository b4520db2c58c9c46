"""Self test of the console API in Slicer: segment with the student that ships, cancel, refuse."""

from __future__ import annotations

from pathlib import Path

from self_testing import STRUCTURES, STUDENT, SelfTest, addVolume, names, segmentationCount

import slicer


class KDSegmentatorConsoleSelfTest(SelfTest):
    def test_the_shipped_student_segments(self) -> None:
        volume, overall = addVolume(), []
        node = self.logic.segment(volume, STUDENT, onProgress=lambda update: overall.append(update.overall))
        self.assertStructuresFound(node, volume)
        self.assertEqual(overall, sorted(overall))
        self.assertEqual(segmentationCount(), 1)

    def test_only_the_structures_that_are_wanted(self) -> None:
        node = self.logic.segment(addVolume(), STUDENT, structures=[STRUCTURES[1]], mirroring=False)
        self.assertEqual(names(node), STRUCTURES[1:])

    def test_a_cancelled_run_leaves_nothing(self) -> None:
        before = sorted(Path(slicer.app.temporaryPath).iterdir())
        events: list[str] = []
        run = self.logic.segment(addVolume(), STUDENT, wait=False, onEvent=lambda event: events.append(event["event"]))
        self.waitUntil(lambda: "started" in events, "the child process started")
        run.cancel()
        run.wait()
        self.assertEqual(run.state, "stopped")
        self.assertEqual(segmentationCount(), 0)
        self.assertEqual(sorted(Path(slicer.app.temporaryPath).iterdir()), before)

    def test_an_unknown_student_is_refused_before_anything_starts(self) -> None:
        from kdseg.errors import KDSegError

        with self.assertRaises(KDSegError) as caught:
            self.logic.segment(addVolume(), "there-is-no-such-student")
        self.assertIn("there-is-no-such-student", str(caught.exception))
        self.assertEqual(segmentationCount(), 0)

    def test_slicer_stays_alive_while_it_waits(self) -> None:
        import qt

        ticks: list[int] = []
        timer = qt.QTimer()
        timer.interval = 20
        timer.connect("timeout()", lambda: ticks.append(1))
        timer.start()
        self.logic.segment(addVolume(), STUDENT, mirroring=False)
        timer.stop()
        self.assertGreater(len(ticks), 5)
