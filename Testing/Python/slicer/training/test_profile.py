"""Students side by side, in the panel: a real profile, its table, chart and card, and the choice for a budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import qt

import slicer
from KDSegmentatorLib.logic import STUDENTS_FOLDER_SETTING

SHIPPED = "hippocampus 1.0.0"


@pytest.fixture
def tab(panel, hands):
    """The tab Profile, with two runs of each student."""
    panel.ui.tabs.currentIndex = 2
    panel.profile.tab.inputs.repetitions_spin.value = 2
    return panel.profile


@pytest.fixture
def profiled(tab, hands, wait_until):
    """The tab after a profile of the student that ships."""
    hands.click(tab.tab.start_button)
    assert tab.tab.start_button.text == "Cancel"
    wait_until(lambda: tab.tab.start_button.text == "Profile", 120, "the profile has ended")
    assert tab.result is not None, tab.outcome
    return tab


def column(table, name: str) -> list:
    return [table.GetTable().GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]


def shown_chart():
    identifier = slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID()
    return slicer.mrmlScene.GetNodeByID(identifier)


def test_a_profile_becomes_a_table_a_chart_and_a_card(profiled, hands, views) -> None:
    table = slicer.util.getNode("Profile of students")
    assert column(table, "Student") == [SHIPPED]
    (seconds,) = column(table, "Time [s]")
    assert 0.05 < seconds < 120
    (memory_gib,) = column(table, "Memory [GiB]")
    assert 0.05 < memory_gib < 8
    assert table.GetColumnUnitLabel("Time [s]") == "s"
    assert SHIPPED in profiled.tab.results.card.plainText
    hands.click(profiled.tab.results.chart_button)
    series = shown_chart().GetNthPlotSeriesNode(0)
    assert (series.GetXColumnName(), series.GetYColumnName(), series.GetLabelColumnName()) == ("Time [s]", "Dice", "Student")
    hands.click(profiled.tab.results.table_button)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActiveTableID() == table.GetID()


def test_the_profile_is_kept_for_the_estimates_of_the_other_panel(profiled) -> None:
    from KDSegmentatorLib.profiles import ProfileBook

    kept = list(ProfileBook().folder.glob("*.json"))
    assert [json.loads(path.read_bytes())["schema"] for path in kept] == ["kdseg-profile/1"]
    assert str(kept[0]) == profiled.result.kept


def test_the_budget_is_answered_while_it_changes(profiled) -> None:
    results = profiled.tab.results
    assert results.answer.sentence_label.text.startswith(f"{SHIPPED} is the only student.")
    assert results.table.item(0, 0).font().bold()
    results.dice_spin.value = 1.0
    assert results.answer.sentence_label.text.startswith("No student keeps to a Dice of at least 1.000.")
    assert not results.table.item(0, 0).font().bold()
    results.dice_spin.value = 0.0
    results.seconds_spin.value = 0.1
    fits = profiled.result.points[0].seconds <= 0.1
    assert results.answer.sentence_label.text.startswith(SHIPPED if fits else "No student keeps to at most 0.1 s.")


def test_nothing_can_be_measured_without_a_student(tab, hands) -> None:
    item = tab.tab.inputs.list.item(0)
    hands.tick(item, False)
    assert not tab.tab.start_button.enabled
    assert tab.tab.status.sentence_label.text == "Choose at least one student."
    assert list(tab.parameters.profileLeftOut) == ["hippocampus-1.0.0"]
    hands.tick(item, True)
    assert tab.tab.start_button.enabled


def test_students_that_were_added_are_offered(tab, tmp_path: Path) -> None:
    from kdseg_testing.threshold_student import write_threshold_student

    folder = tmp_path / "students"
    folder.mkdir()
    bundle = write_threshold_student(tmp_path)
    (folder / bundle.name).write_bytes(bundle.read_bytes())
    qt.QSettings().setValue(STUDENTS_FOLDER_SETTING, str(folder))
    tab.refresh()
    titles = [tab.tab.inputs.list.item(index).text() for index in range(tab.tab.inputs.list.count)]
    assert len(titles) == 2
    assert SHIPPED in titles


def test_cancel_ends_the_profile_and_keeps_nothing(tab, hands, wait_until) -> None:
    from KDSegmentatorLib.jobs.running import jobs_are_running
    from KDSegmentatorLib.profiles import ProfileBook

    tab.tab.inputs.repetitions_spin.value = 1000
    hands.click(tab.tab.start_button)
    wait_until(lambda: tab.tab.progress.bar.value > 0 or tab.tab.progress.stage_label.text not in ("", "Starting…"), 60)
    hands.click(tab.tab.start_button)
    wait_until(lambda: tab.tab.start_button.text == "Profile", 20, "the profile was stopped")
    assert tab.tab.status.sentence_label.text == "Stopped. There is no result."
    assert not jobs_are_running()
    assert not list(ProfileBook().folder.glob("*.json"))


def test_a_volume_of_the_scene_is_measured(tab, hands, wait_until) -> None:
    import numpy as np
    import slicer.util

    voxels = np.random.default_rng(3).integers(0, 200, (40, 56, 40)).astype(np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, name="crop")
    hands.choose_node(tab.tab.inputs.volume_selector, volume)
    tab.tab.inputs.repetitions_spin.value = 1
    hands.click(tab.tab.start_button)
    wait_until(lambda: tab.tab.start_button.text == "Profile", 120, "the profile has ended")
    assert "40 × 56 × 40 voxels" in tab.tab.results.card.plainText
