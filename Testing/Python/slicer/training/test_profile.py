"""Students side by side, in the panel: a real profile, its table, chart and card, and the choice for a budget."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.shipped import HIPPOCAMPUS, STUDENTS, TITLES
from KDSegmentatorLib.jobs.running import jobs_are_running
from KDSegmentatorLib.logic import STUDENTS_FOLDER_SETTING
from KDSegmentatorLib.profiles import ProfileBook
from KDSegmentatorTrainingLib.profile.nodes import profile_chart, write_table
from KDSegmentatorTrainingLib.profile.results import ProfilePoint, ProfileResult

SHIPPED = HIPPOCAMPUS.title


@pytest.fixture
def tab(panel):
    """The tab Profile, with one run of each student."""
    panel.ui.tabs.currentIndex = 2
    panel.profile.tab.inputs.repetitions_spin.value = 1
    return panel.profile


@pytest.fixture
def profiled(tab, hands, wait_until):
    """The tab after a profile of the student that ships, with a volume of the scene."""
    voxels = np.random.default_rng(3).integers(0, 200, (32, 40, 32)).astype(np.int16)
    hands.choose_node(tab.tab.inputs.volume_selector, slicer.util.addVolumeFromArray(voxels, name="crop"))
    for item in offered(tab):
        hands.tick(item, item.text() == SHIPPED)
    hands.click(tab.tab.start_button)
    assert tab.tab.start_button.text == "Cancel"
    wait_until(lambda: tab.tab.start_button.text == "Profile", 120, "the profile has ended")
    assert tab.result is not None, tab.outcome
    return tab


def offered(tab) -> list:
    """Return the items of the list of students."""
    return [tab.tab.inputs.list.item(index) for index in range(tab.tab.inputs.list.count)]


def column(table, name: str) -> list:
    return [table.GetTable().GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]


def shown_chart():
    identifier = slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID()
    return slicer.mrmlScene.GetNodeByID(identifier)


def test_a_profile_becomes_a_table_a_chart_and_a_card_and_is_kept(profiled, hands, views) -> None:
    table = slicer.util.getNode("Profile of students")
    assert column(table, "Student") == [SHIPPED]
    (seconds,) = column(table, "Time [s]")
    assert 0.05 < seconds < 120
    (memory_gib,) = column(table, "Memory [GiB]")
    assert 0.05 < memory_gib < 8
    assert table.GetColumnUnitLabel("Time [s]") == "s"
    card = profiled.tab.results.card.plainText
    assert SHIPPED in card
    assert "Volume   crop: 32 × 40 × 32 voxels" in card
    hands.click(profiled.tab.results.chart_button)
    series = shown_chart().GetNthPlotSeriesNode(0)
    assert (series.GetXColumnName(), series.GetYColumnName(), series.GetLabelColumnName()) == ("Time [s]", "Dice", "Student")
    hands.click(profiled.tab.results.table_button)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveTableID() == table.GetID()
    (kept,) = ProfileBook().folder.glob("*.json")
    assert json.loads(kept.read_bytes())["schema"] == "kdseg-profile/1"
    assert str(kept) == profiled.result.kept
    check_the_budget(profiled)


def check_the_budget(control) -> None:
    """The budget is answered while it changes."""
    results = control.tab.results
    assert results.answer.sentence_label.text.startswith(f"{SHIPPED} is the only student.")
    assert results.table.item(0, 0).font().bold()
    results.dice_spin.value = 1.0
    assert results.answer.sentence_label.text.startswith("No student keeps to a Dice of at least 1.000.")
    assert not results.table.item(0, 0).font().bold()
    results.dice_spin.value = 0.0
    results.seconds_spin.value = 1000
    assert results.answer.sentence_label.text.startswith(f"{SHIPPED} is the only student that keeps to at most 1000 s.")


def test_front_and_bars_are_drawn_from_the_points(scene) -> None:
    points = [
        ProfilePoint("wide", 4, 60.0, None, None, 2**31, 10**8, 0.91, "40 cases", True),
        ProfilePoint("narrow", 4, 12.0, None, None, 2**30, 10**7, 0.88, "40 cases", True),
        ProfilePoint("poor", 4, 70.0, None, None, None, 10**7, 0.80, "40 cases", False),
    ]
    table = write_table(ProfileResult(tuple(points), ""))
    chart = profile_chart(ProfileResult(tuple(points), ""), table)
    front, every = chart.GetNthPlotSeriesNode(0), chart.GetNthPlotSeriesNode(1)
    assert column(front.GetTableNode(), "Time [s]") == [12.0, 60.0]
    assert column(front.GetTableNode(), "Dice") == [0.88, 0.91]
    assert every.GetTableNode() is table
    assert np.isnan(column(table, "Memory [GiB]")[2])
    unknown = ProfileResult(tuple(replace(point, dice=None, on_front=None) for point in points), "")
    chart = profile_chart(unknown, write_table(unknown, table))
    assert chart.GetNumberOfPlotSeriesNodes() == 1
    bars = chart.GetNthPlotSeriesNode(0)
    assert (bars.GetPlotType(), bars.GetYColumnName()) == (slicer.vtkMRMLPlotSeriesNode.PlotTypeBar, "Time [s]")


def test_nothing_can_be_measured_without_a_student(tab, hands) -> None:
    for item in offered(tab):
        hands.tick(item, False)
    assert not tab.tab.start_button.enabled
    assert tab.tab.status.sentence_label.text == "Choose at least one student."
    assert list(tab.parameters.profileLeftOut) == [student.identifier for student in STUDENTS]
    hands.tick(offered(tab)[0], True)
    assert tab.tab.start_button.enabled


def test_students_that_were_added_are_offered(tab, tmp_path: Path) -> None:
    from kdseg_testing.threshold_student import write_threshold_student

    folder = tmp_path / "students"
    folder.mkdir()
    bundle = write_threshold_student(tmp_path)
    (folder / bundle.name).write_bytes(bundle.read_bytes())
    qt.QSettings().setValue(STUDENTS_FOLDER_SETTING, str(folder))
    tab.refresh()
    titles = [item.text() for item in offered(tab)]
    assert sorted(titles) == sorted([*TITLES, "threshold 1.0.0"])


def test_cancel_ends_the_profile_and_keeps_nothing(tab, hands, wait_until) -> None:
    tab.tab.inputs.repetitions_spin.value = 1000
    hands.click(tab.tab.start_button)
    wait_until(lambda: tab.tab.progress.bar.value > 0 or tab.tab.progress.stage_label.text not in ("", "Starting…"), 60)
    hands.click(tab.tab.start_button)
    wait_until(lambda: tab.tab.start_button.text == "Profile", 20, "the profile was stopped")
    assert tab.tab.status.sentence_label.text == "Stopped. There is no result."
    assert not jobs_are_running()
    assert not list(ProfileBook().folder.glob("*.json"))
