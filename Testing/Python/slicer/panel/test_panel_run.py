"""A segmentation by clicks, in the child process, with the student that ships."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer.util

import slicer
from kdseg_testing.shipped import HIPPOCAMPUS


def segmentations() -> list:
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))


def names_of(node) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(i).GetName() for i in range(segmentation.GetNumberOfSegments())]


def temporary_entries() -> set[str]:
    return {path.name for path in Path(slicer.app.temporaryPath).iterdir()}


def test_a_segmentation_by_clicks(ready, hands, until_done) -> None:
    before = temporary_entries()
    stages = []
    show = ready.progress.show
    ready.progress.show = lambda view: (stages.append(view), show(view))
    ready.run._on_progress = ready.progress.show
    hands.click(ready.ui.segmentButton)
    assert ready.ui.segmentButton.text == "&Cancel"
    assert ready.progress.bar.visible
    assert not ready.ui.inputSelector.enabled
    until_done(ready)
    (node,) = segmentations()
    assert names_of(node) == ["Anterior hippocampus", "Posterior hippocampus"]
    assert ready.ui.outputSelector.currentNode() is node
    assert ready.status.sentence_label.text.startswith("Done in ")
    assert node.GetName() in ready.status.sentence_label.text
    assert not ready.progress.bar.visible
    assert ready.ui.inputSelector.enabled
    percents = [view.percent for view in stages if view is not None and view.percent is not None]
    assert percents == sorted(percents) and len(set(percents)) > 2
    assert {view.stage for view in stages if view is not None} >= {"Starting…", "Segmenting", "Showing the result…"}
    assert temporary_entries() == before


def test_the_estimate_stands_there_before_the_run(ready, wait_until) -> None:
    wait_until(lambda: ready.status.estimate_label.text, 5, "the estimate")
    text = ready.status.estimate_label.text
    assert text.startswith("Expected: ") and " of memory (at most " in text


def test_only_the_structures_that_are_checked(ready, hands, until_done) -> None:
    hands.click(ready.structures.summary_button)
    hands.click(ready.structures.none_button)
    assert not ready.ui.segmentButton.enabled
    assert ready.status.sentence_label.text == "Choose at least one structure."
    hands.tick(ready.structures.list.item(1))
    assert ready.structures.summary_button.text == "1 of 2 structures"
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (node,) = segmentations()
    assert names_of(node) == ["Posterior hippocampus"]


def test_surfaces_and_a_table_on_request(ready, hands, until_done) -> None:
    assert ready.ui.show3DCheck.checked
    hands.click(ready.ui.volumesTableCheck)
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (node,) = segmentations()
    assert node.GetSegmentation().ContainsRepresentation(slicer.vtkSegmentationConverter.GetClosedSurfaceRepresentationName())
    (table,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert table.GetNumberOfRows() == 2
    assert table.GetName() in ready.log.text.plainText


def test_neither_surfaces_nor_a_table_without_the_wish(ready, hands, until_done) -> None:
    hands.click(ready.ui.show3DCheck)
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    (node,) = segmentations()
    surface = slicer.vtkSegmentationConverter.GetClosedSurfaceRepresentationName()
    assert not node.GetSegmentation().ContainsRepresentation(surface)
    assert not slicer.util.getNodesByClass("vtkMRMLTableNode")


def test_cancel_leaves_nothing(ready, hands, until_done, wait_until) -> None:
    before = temporary_entries()
    hands.click(ready.ui.segmentButton)
    wait_until(lambda: ready.progress.stage_label.text != "Starting…", 30, "the child speaks")
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert segmentations() == []
    assert ready.status.sentence_label.text == "Stopped. There is no result."
    assert temporary_entries() == before


def test_cancel_at_once(ready, hands, until_done) -> None:
    hands.click(ready.ui.segmentButton)
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    assert segmentations() == []
    assert ready.status.sentence_label.text.startswith("Stopped.")


def test_another_volume_gets_a_segmentation_of_its_own(ready, hands, until_done, add_volume, run_events) -> None:
    for _ in range(2):
        hands.click(ready.ui.segmentButton)
        until_done(ready)
    assert len(segmentations()) == 1, "a second run replaces its own result"
    second = add_volume("second patient")
    run_events(0.05)
    hands.choose_node(ready.ui.inputSelector, second)
    assert ready.ui.outputSelector.currentNode() is None
    assert not ready.status.sentence_label.text.startswith("Done")


def test_the_log_can_be_copied(ready, hands, until_done, run_events) -> None:
    hands.click(ready.ui.segmentButton)
    until_done(ready)
    ready.ui.logCollapsible.collapsed = False
    run_events(0.1)
    hands.click(ready.log.copy_button)
    copied = qt.QApplication.clipboard().text()
    assert f"Segmenting crop with {HIPPOCAMPUS.title}." in copied
    assert "Done in " in copied
    hands.click(ready.log.clear_button)
    assert ready.log.text.plainText == ""


def test_a_run_goes_on_while_another_module_is_shown(ready, hands, wait_until) -> None:
    widget = slicer.modules.kdsegmentator.widgetRepresentation()
    hands.click(ready.ui.segmentButton)
    widget.exit()
    wait_until(segmentations, 60, "the result")
    wait_until(lambda: ready.run.outcome[0], 10, "the end of the run")
    widget.enter()
    assert ready.ui.outputSelector.currentNode() is segmentations()[0]
    assert ready.status.sentence_label.text.startswith("Done in ")


def test_the_end_of_an_abandoned_run_is_not_that_of_the_next_one(ready, hands, add_volume, wait_until, until_done) -> None:
    ends = []
    hands.click(ready.ui.segmentButton)
    first = ready.run._run
    end = first._callbacks.finished
    object.__setattr__(first._callbacks, "finished", lambda run: (ends.append(run), end(run)))
    slicer.mrmlScene.Clear(0)
    add_volume("second patient")
    wait_until(lambda: ready.ui.segmentButton.enabled, 5, "the second volume is chosen")
    hands.click(ready.ui.segmentButton)
    second = ready.run._run
    wait_until(lambda: ends, 30, "the end of the first run")
    assert ends == [first]
    assert ready.run._run is second and ready.ui.segmentButton.text == "&Cancel"
    until_done(ready)
    assert ready.status.sentence_label.text.startswith("Done in ")
    assert len(segmentations()) == 1
