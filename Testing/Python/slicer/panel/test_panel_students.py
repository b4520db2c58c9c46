"""Adding, choosing and removing students."""

from __future__ import annotations

from pathlib import Path

import pytest
import qt

from kdseg_testing.shipped import HIPPOCAMPUS, STUDENTS, TITLES
from kdseg_testing.threshold_student import write_threshold_student


@pytest.fixture
def other_student(tmp_path: Path) -> Path:
    """A student that is not installed."""
    folder = tmp_path / "download"
    folder.mkdir()
    return write_threshold_student(folder)


def offered(panel) -> list[str]:
    combo = panel.students.picker.combo
    return [combo.itemText(i) for i in range(combo.count)]


def open_errors() -> list:
    return [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]


def test_a_student_is_added_from_a_file_and_chosen(panel, hands, other_student: Path, students_folder: Path) -> None:
    hands.answer_files(other_student)
    hands.click(panel.students.picker.add_button)
    assert len(offered(panel)) == len(TITLES) + 1
    assert panel.students.picker.combo.currentText == offered(panel)[-1]
    assert panel.parameters.student == panel.students.current.identifier
    assert [path.name for path in students_folder.iterdir()] == [other_student.name]
    assert panel.structures.chosen() == {entry.value for entry in panel.students.current.entries}


def test_a_student_that_is_installed_already_is_told_and_chosen(panel, hands, other_student: Path) -> None:
    hands.answer_files(other_student)
    hands.click(panel.students.picker.add_button)
    hands.choose(panel.students.picker.combo, HIPPOCAMPUS.title)
    hands.answer_files(other_student)
    hands.answer("OK")
    hands.click(panel.students.picker.add_button)
    assert len(offered(panel)) == len(TITLES) + 1
    assert panel.students.picker.combo.currentText == offered(panel)[-1]
    assert "installed already" in panel.log.text.plainText


def test_no_file_no_student(panel, hands, students_folder: Path) -> None:
    hands.answer_files()
    hands.click(panel.students.picker.add_button)
    assert offered(panel) == [*TITLES]
    assert not students_folder.exists()


def test_a_file_that_is_no_student_is_refused_before_anything_is_copied(
    panel, hands, tmp_path: Path, students_folder: Path
) -> None:
    wrong = tmp_path / "wrong.kdseg.zip"
    wrong.write_bytes(b"PK, but no archive")
    hands.answer_files(wrong)
    hands.click(panel.students.picker.add_button)
    assert len(open_errors()) == 1
    assert offered(panel) == [*TITLES]
    assert not students_folder.exists()


def test_a_student_is_removed_after_a_question(panel, hands, other_student: Path, students_folder: Path) -> None:
    hands.answer_files(other_student)
    hands.click(panel.students.picker.add_button)
    hands.answer("No")
    hands.click(panel.students.picker.remove_button)
    assert len(offered(panel)) == len(TITLES) + 1
    hands.answer("Yes")
    hands.click(panel.students.picker.remove_button)
    assert offered(panel) == [*TITLES]
    assert list(students_folder.iterdir()) == []
    assert panel.parameters.student == STUDENTS[0].identifier
    assert not panel.students.picker.remove_button.enabled


def test_choosing_another_student_takes_all_its_structures(ready, hands, other_student: Path) -> None:
    hands.click(ready.structures.summary_button)
    hands.tick(ready.structures.list.item(0), False)
    hands.answer_files(other_student)
    hands.click(ready.students.picker.add_button)
    assert ready.parameters.leftOut == []
    hands.choose(ready.students.picker.combo, HIPPOCAMPUS.title)
    assert ready.parameters.student == HIPPOCAMPUS.identifier
    assert ready.structures.summary_button.text == "All structures (2)"


def test_the_folder_of_students_can_be_set(panel, hands, tmp_path: Path, other_student: Path, run_events) -> None:
    folder = tmp_path / "shared students"
    folder.mkdir()
    panel.ui.advancedCollapsible.collapsed = False
    run_events(0.05)
    hands.answer_files(folder)
    hands.click(next(b for b in panel.ui.folderPlace.findChildren(qt.QPushButton) if b.objectName == "changeFolder"))
    assert panel.advanced.box.folder_edit.text == str(folder)
    hands.answer_files(other_student)
    hands.click(panel.students.picker.add_button)
    assert [path.name for path in folder.iterdir()] == [other_student.name]
    assert qt.QSettings().value("KDSegmentator/StudentsFolder") == str(folder)


def test_a_damaged_student_in_the_folder_is_named_in_the_log(open_panel, students_folder: Path) -> None:
    students_folder.mkdir()
    (students_folder / "broken-1.0.0.kdseg.zip").write_bytes(b"nothing")
    panel = open_panel("KDSegmentator").panel
    assert offered(panel) == [*TITLES]
    assert "broken-1.0.0.kdseg.zip" in panel.log.text.plainText
