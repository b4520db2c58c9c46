"""What a user does with mouse and keyboard; refused where a user could not do it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6 import QtCore, QtTest, QtWidgets

from .pythonqt import dialogs, statics


class CannotDoThat(AssertionError):
    """The widget is hidden or disabled, so a user could not use it."""


def _reachable(widget: QtWidgets.QWidget) -> QtWidgets.QWidget:
    if not widget.isVisible():
        raise CannotDoThat(f"{widget.objectName or type(widget).__name__} is not visible")
    if not widget.isEnabled():
        raise CannotDoThat(f"{widget.objectName or type(widget).__name__} is disabled")
    return widget


class Hands:
    """The user's hands."""

    def click(self, widget: QtWidgets.QWidget) -> None:
        """Click with the left button: in the middle, or on the box of a check box."""
        _reachable(widget)
        place = QtCore.QPoint(8, widget.height // 2) if isinstance(widget, QtWidgets.QCheckBox) else widget.rect.center()
        if isinstance(widget, QtWidgets.QAbstractButton) and not widget.hitButton(place):
            place = QtCore.QPoint(widget.width // 2, 8)
        QtTest.QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)

    def click_cell(self, table: QtWidgets.QTableWidget, row: int, column: int) -> None:
        """Click into a cell of a table with the left button."""
        place = _reachable(table).visualItemRect(table.item(row, column)).center()
        QtTest.QTest.mouseClick(table.viewport(), QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)

    def type(self, widget: QtWidgets.QWidget, text: str) -> None:
        """Replace what is in a field."""
        _reachable(widget).setFocus()
        QtTest.QTest.keyClick(widget, QtCore.Qt.Key_A, QtCore.Qt.ControlModifier)
        QtTest.QTest.keyClicks(widget, text)

    def press(self, widget: QtWidgets.QWidget, key: int, modifiers: int = 0) -> None:
        """Press one key, such as ``qt.Qt.Key_Return``."""
        QtTest.QTest.keyClick(_reachable(widget), QtCore.Qt.Key(key), QtCore.Qt.KeyboardModifier(modifiers))

    def choose(self, box: QtWidgets.QComboBox, text: str) -> None:
        """Choose an item of a combo box by its text."""
        index = _reachable(box).findText(text)
        if index < 0:
            raise CannotDoThat(f"{text!r} is not offered, but {[box.itemText(i) for i in range(box.count)]}")
        box.setCurrentIndex(index)
        box.activated.emit(index)

    def choose_node(self, selector, node) -> None:
        """Choose a node in a selector of nodes."""
        _reachable(selector).setCurrentNode(node)
        if selector.currentNode() is not node:
            raise CannotDoThat(f"{node.GetName()!r} is not offered")

    def tick(self, item, checked: bool = True) -> None:
        """Tick a check box, or an item of a list, table or tree."""
        state = QtCore.Qt.Checked if checked else QtCore.Qt.Unchecked
        if isinstance(item, QtWidgets.QAbstractButton):
            if bool(item.checked) != checked:
                self.click(item)
        elif isinstance(item, QtWidgets.QTreeWidgetItem):
            item.setCheckState(0, state)
        else:
            item.setCheckState(state)

    def answer(self, button: str | int | Callable) -> None:
        """Announce the next modal dialog and its answer.

        Parameters
        ----------
        button
            The text of a button, a standard button such as ``qt.QMessageBox.Yes``, or a function that gets the dialog.
        """
        dialogs.expect(button if callable(button) else lambda dialog: self.click(_button(dialog, button)))

    def answer_files(self, *paths: object) -> None:
        """Announce a file dialog in which these are chosen; none cancels it."""

        def choose(dialog: QtWidgets.QDialog) -> None:
            if not isinstance(dialog, QtWidgets.QFileDialog):
                raise CannotDoThat(f"A file dialog was announced, but this opened:\n{dialogs.text_of(dialog)}")
            statics.choose_in(dialog, [str(path) for path in paths])

        dialogs.expect(choose)

    def dialogs(self) -> tuple[str, ...]:
        """Return the texts of the modal dialogs that opened in this test, in order."""
        return dialogs.opened()

    def addresses(self) -> tuple[str, ...]:
        """Return what was handed to the desktop's browser in this test, in order."""
        return statics.opened_addresses()


def _button(dialog: QtWidgets.QDialog, wanted: str | int) -> QtWidgets.QAbstractButton:
    """Return a dialog's button by its text, without the mark of its key, or by its standard number."""
    if isinstance(wanted, str):
        found = [b for b in dialog.findChildren(QtWidgets.QAbstractButton) if b.text.replace("&", "") == wanted]
    else:
        boxes = [dialog] if isinstance(dialog, QtWidgets.QMessageBox) else dialog.findChildren(QtWidgets.QDialogButtonBox)
        found = [button for box in boxes if (button := box.button(type(box).StandardButton(wanted))) is not None]
    if not found:
        offered = [b.text for b in dialog.findChildren(QtWidgets.QAbstractButton)]
        raise CannotDoThat(f"There is no button {wanted!r}, only {offered}, in:\n{dialogs.text_of(dialog)}")
    return found[0]
