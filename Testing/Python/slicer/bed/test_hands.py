"""The user's hands do what a user can do, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import qt

import slicer
from slicer_bed.hands import CannotDoThat


@pytest.fixture
def shown():
    """Return a function that shows a widget."""
    kept = []

    def show(widget):
        kept.append(widget)
        widget.show()
        return widget

    return show


def test_a_click(hands, shown) -> None:
    button, clicks = shown(qt.QPushButton("a")), []
    button.connect("clicked()", lambda: clicks.append(1))
    hands.click(button)
    assert clicks == [1]


def test_what_is_disabled_or_hidden_cannot_be_clicked(hands, shown) -> None:
    button = shown(qt.QPushButton("a"))
    button.enabled = False
    with pytest.raises(CannotDoThat, match="disabled"):
        hands.click(button)
    with pytest.raises(CannotDoThat, match="not visible"):
        hands.click(qt.QPushButton("b"))


def test_typing_replaces_the_text(hands, shown) -> None:
    line, edits = shown(qt.QLineEdit("before")), []
    line.connect("textEdited(QString)", edits.append)
    hands.type(line, "after")
    assert line.text == "after"
    assert edits[-1] == "after"


def test_a_key(hands, shown) -> None:
    line, calls = shown(qt.QLineEdit()), []
    line.connect("returnPressed()", lambda: calls.append(1))
    hands.press(line, qt.Qt.Key_Return)
    assert calls == [1]


def test_a_choice(hands, shown) -> None:
    box, calls = shown(qt.QComboBox()), []
    box.addItems(["a", "b"])
    box.connect("activated(int)", calls.append)
    hands.choose(box, "b")
    assert (box.currentText, calls) == ("b", [1])
    with pytest.raises(CannotDoThat, match="not offered"):
        hands.choose(box, "c")


def test_a_node_that_is_not_offered_cannot_be_chosen(hands, shown, scene) -> None:
    selector = shown(slicer.qMRMLNodeComboBox())
    selector.nodeTypes = ["vtkMRMLTextNode"]
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    text, table = scene.AddNewNodeByClass("vtkMRMLTextNode"), scene.AddNewNodeByClass("vtkMRMLTableNode")
    hands.choose_node(selector, text)
    assert selector.currentNode() is text
    with pytest.raises(CannotDoThat, match="not offered"):
        hands.choose_node(selector, table)


def test_a_tick(hands, shown) -> None:
    box, table = shown(qt.QCheckBox("a")), shown(qt.QListWidget())
    hands.tick(box)
    hands.tick(box)
    assert box.checked
    item = qt.QListWidgetItem("x", table)
    hands.tick(item)
    assert item.checkState() == qt.Qt.Checked


def test_a_button_that_the_dialog_lacks(hands, slot_errors) -> None:
    hands.answer("Perhaps")
    slicer.util.infoDisplay("Done")
    assert "no button 'Perhaps'" in str(slot_errors()[0])


def test_an_answer_by_hand(hands) -> None:
    texts = []

    def answer(dialog) -> None:
        texts.append(dialog.detailedText)
        dialog.accept()

    hands.answer(answer)
    slicer.util.errorDisplay("It failed", detailedText="because")
    assert texts == ["because"]


def test_files_are_chosen_in_one_dialog_only(hands, tmp_path: Path) -> None:
    hands.answer_files(tmp_path / "a", tmp_path / "b")
    assert qt.QFileDialog.getOpenFileNames(None, "Add") == (str(tmp_path / "a"), str(tmp_path / "b"))
    dialog = qt.QFileDialog(None, "Other", str(tmp_path))
    assert not any(name.endswith(("a", "b")) for name in dialog.selectedFiles() if name != str(tmp_path))


def test_a_file_dialog_is_not_another_dialog(hands, slot_errors, tmp_path: Path) -> None:
    hands.answer_files(tmp_path / "a")
    slicer.util.infoDisplay("Done")
    assert "A file dialog was announced" in str(slot_errors()[0])


def test_addresses_are_recorded_and_not_opened(hands) -> None:
    assert qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/a"))
    assert hands.addresses() == ("https://example.org/a",)
