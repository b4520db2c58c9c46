"""Choose for me: offered for a family, answered while the budget changes, taken into the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import qt

from kdseg_testing.threshold_student import write_threshold_student

WIDE, NARROW, ALONE = "wide 1.0.0", "narrow 1.0.0", "alone 1.0.0"


def quality(dice: float) -> dict[str, Any]:
    share = {"mean": dice, "n": 9, "interval": [0.0, 1.0], "confidence": 0.95}
    distance = {"mean": 1.0, "n": 9, "interval": [0.0, 2.0], "confidence": 0.95}
    return {
        "test_set": "9 cases",
        "method": "by hand",
        "classes": [{"value": 1, "dice": share, "nsd": share, "hd95_mm": distance}],
    }


def latency(seconds: float) -> list[dict[str, Any]]:
    return [{"hardware": "a laptop", "threads": 4, "engine": "cpu", "task": "a head", "n": 20, "median_s": seconds}]


@pytest.fixture
def family(students_folder: Path) -> None:
    """A slow, good student and a fast one that is less good, installed beside another and those that ship."""
    students_folder.mkdir()
    write_threshold_student(students_folder, name="wide", quality=quality(0.9), latency=latency(90.0))
    write_threshold_student(students_folder, name="narrow", quality=quality(0.8), latency=latency(9.0))
    write_threshold_student(students_folder, name="alone", modality="CT")


@pytest.fixture
def panel_with_family(family, panel, add_volume, run_events, hands):
    """The open panel with a volume and the wide student."""
    add_volume(shape=(12, 14, 16))
    hands.choose(panel.students.picker.combo, WIDE)
    run_events(0.3)
    return panel


def field(dialog, name: str) -> Any:
    return next(w for w in dialog.findChildren(qt.QWidget) if w.objectName == name)


def cells(dialog) -> dict[str, list[str]]:
    """Return what the table says, by student."""
    table = field(dialog, "chooseTable")
    rows = [[table.item(r, c).text() for c in range(table.columnCount)] for r in range(table.rowCount)]
    return {row[0]: row[1:] for row in rows}


def test_it_is_offered_where_there_is_a_family(panel_with_family, hands) -> None:
    picker = panel_with_family.students.picker
    assert picker.choose_button.visible
    hands.choose(picker.combo, ALONE)
    assert not picker.choose_button.visible
    hands.choose(picker.combo, NARROW)
    assert picker.choose_button.visible


def test_the_answer_follows_the_budget_and_becomes_the_student(panel_with_family, hands) -> None:
    panel, seen = panel_with_family, []

    def use(dialog) -> None:
        seen.append(cells(dialog))
        hands.type(field(dialog, "chooseSeconds"), "20")
        seen.append(cells(dialog))
        assert field(dialog, "chooseUse").text == "&Use narrow 1.0.0"
        assert "is the only student that keeps to at most 20 s" in field(dialog, "statusLabel").text
        assert "stated by its author for a head on a laptop" in field(dialog, "statusLabel").text
        hands.click(field(dialog, "chooseUse"))

    hands.answer(use)
    hands.click(panel.students.picker.choose_button)
    before, after = seen
    assert before[WIDE][-1] == "chosen"  # nothing is asked: the best quality
    assert before[WIDE][0] == "90 s"
    assert before[WIDE][2] == "0.900"
    assert before[NARROW][-1] == "fits"
    assert after[WIDE][-1] == "too slow"
    assert after[NARROW][-1] == "chosen"
    assert panel.parameters.student == "narrow-1.0.0"
    assert panel.students.current.name == "narrow"
    assert "Chosen: narrow 1.0.0 is the only student" in panel.log.text.plainText


def test_not_now_changes_nothing(panel_with_family, hands) -> None:
    def refuse(dialog) -> None:
        hands.type(field(dialog, "chooseSeconds"), "20")
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(refuse)
    hands.click(panel_with_family.students.picker.choose_button)
    assert panel_with_family.parameters.student == "wide-1.0.0"
    assert qt.QSettings().value("KDSegmentator/ChooseSeconds") is None


def test_where_none_fits_nothing_can_be_taken_and_the_nearest_is_told(panel_with_family, hands) -> None:
    def look(dialog) -> None:
        hands.type(field(dialog, "chooseSeconds"), "20")
        hands.type(field(dialog, "chooseDice"), "0.85")
        assert not field(dialog, "chooseUse").enabled
        assert "Nearest comes narrow 1.0.0" in field(dialog, "statusLabel").text
        assert {row[-1] for row in cells(dialog).values()} == {"too slow", "not good enough"}
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(look)
    hands.click(panel_with_family.students.picker.choose_button)
    assert panel_with_family.parameters.student == "wide-1.0.0"


def test_the_budget_is_kept_for_the_next_time_and_memory_becomes_the_ceiling(panel_with_family, hands) -> None:
    panel = panel_with_family

    def use(dialog) -> None:
        hands.type(field(dialog, "chooseMemory"), "1.5")
        hands.type(field(dialog, "chooseDice"), "0.7")
        hands.click(field(dialog, "chooseUse"))

    def look(dialog) -> None:
        assert field(dialog, "chooseMemory").value == pytest.approx(1.5)
        assert field(dialog, "chooseDice").value == pytest.approx(0.7)
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(use)
    hands.click(panel.students.picker.choose_button)
    assert panel.parameters.memoryGib == pytest.approx(1.5)
    assert panel.parameters.student == "narrow-1.0.0"  # only quality and memory are limited: the fastest
    hands.answer(look)
    hands.click(panel.students.picker.choose_button)


def test_a_memory_that_is_too_small_is_told_from_the_estimate(panel_with_family, hands) -> None:
    def look(dialog) -> None:
        hands.type(field(dialog, "chooseMemory"), "0.1")
        assert {row[-1] for row in cells(dialog).values()} == {"too much memory"}
        assert "estimated for this volume" in field(dialog, "statusLabel").text
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(look)
    hands.click(panel_with_family.students.picker.choose_button)


def test_after_a_run_the_time_of_this_computer_counts(panel_with_family, hands, until_done) -> None:
    panel = panel_with_family
    hands.click(panel.ui.segmentButton)
    until_done(panel)

    def look(dialog) -> None:
        assert "from earlier runs on this computer" in field(dialog, "chooseTable").item(1, 1).toolTip()
        assert cells(dialog)[WIDE][0] != "90 s"
        assert "not measured on the same thing" not in field(dialog, "statusLabel").text  # the time is not asked
        hands.type(field(dialog, "chooseSeconds"), "50")
        assert "The time of the students was not measured on the same thing" in field(dialog, "statusLabel").text
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(look)
    hands.click(panel.students.picker.choose_button)


def test_without_a_volume_it_says_so(family, panel, hands) -> None:
    hands.choose(panel.students.picker.combo, WIDE)

    def look(dialog) -> None:
        assert "No volume is chosen" in field(dialog, "chooseBasis").text
        assert cells(dialog)[NARROW][:3] == ["9 s", "not known", "0.800"]
        hands.click(field(dialog, "chooseCancel"))

    hands.answer(look)
    hands.click(panel.students.picker.choose_button)


def test_it_is_locked_while_a_run_is_on(panel_with_family, hands, until_done) -> None:
    hands.click(panel_with_family.ui.segmentButton)
    assert not panel_with_family.students.picker.choose_button.enabled
    until_done(panel_with_family)
    assert panel_with_family.students.picker.choose_button.enabled
