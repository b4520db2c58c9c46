"""The panel for training as a whole: its tabs, and what of it the scene remembers."""

from __future__ import annotations

import sys

import slicer.util

import slicer


def test_the_tabs_are_there_and_evaluate_is_first_shown(panel) -> None:
    tabs = panel.ui.tabs
    assert [tabs.tabText(index).replace("&", "") for index in range(tabs.count)] == ["Distil", "Evaluate", "Profile"]
    assert tabs.currentWidget() is panel.ui.evaluatePage


def test_the_scene_remembers_the_tab(panel, load_module) -> None:
    panel.ui.tabs.currentIndex = 2
    assert panel.parameters.tab == "profile"
    panel.ui.tabs.currentIndex = 0
    widget = slicer.modules.KDSegmentatorTrainingWidget
    widget.exit()
    panel.ui.tabs.currentIndex = 1
    widget.enter()
    assert panel.ui.tabs.currentWidget() is panel.ui.distilPage


def test_a_closed_scene_leaves_a_working_panel(panel, run_events) -> None:
    slicer.mrmlScene.Clear()
    run_events(0.05)
    panel.ui.tabs.currentIndex = 2
    assert panel.parameters.tab == "profile"


def test_an_unknown_tab_of_a_later_version_is_not_followed(panel) -> None:
    panel.parameters.tab = "export"
    slicer.modules.KDSegmentatorTrainingWidget.enter()
    assert panel.ui.tabs.currentWidget() is panel.ui.evaluatePage


def test_reload_makes_a_working_panel(panel) -> None:
    library = sys.modules["KDSegmentatorTrainingLib.panel.panel"]
    slicer.modules.KDSegmentatorTrainingWidget.onReload()
    assert sys.modules["KDSegmentatorTrainingLib.panel.panel"] is not library
    again = slicer.modules.KDSegmentatorTrainingWidget.panel
    assert again is not panel
    assert again.parameters is not None
