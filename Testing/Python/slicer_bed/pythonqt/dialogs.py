"""Modal dialogs in tests: each one is announced and answered, and one that nobody announced is closed and fails the test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6 import QtCore, QtWidgets

from .slots import remember

_answers: deque[Callable] = deque()
LONGEST_ANSWER_MS = 20_000
_opened: list[str] = []


class UnexpectedDialog(AssertionError):
    """A modal dialog opened that the test did not announce."""


def expect(answer: Callable[[QtWidgets.QWidget], None]) -> None:
    """Announce the next modal dialog; ``answer`` gets it when it is shown, and must close it."""
    _answers.append(answer)


def pending() -> int:
    """Return how many announced dialogs did not open."""
    return len(_answers)


def forget() -> None:
    """Drop what was announced."""
    _answers.clear()
    _opened.clear()


def opened() -> tuple[str, ...]:
    """Return what the dialogs said that opened since `forget`, in order."""
    return tuple(_opened)


def text_of(widget: QtWidgets.QWidget) -> str:
    """Return a dialog's title and texts, for a message."""
    parts = [QtWidgets.QWidget.windowTitle(widget)]
    if isinstance(widget, QtWidgets.QMessageBox):
        parts += [QtWidgets.QMessageBox.text(widget), QtWidgets.QMessageBox.informativeText(widget)]
    parts += [QtWidgets.QLabel.text(label) for label in QtCore.QObject.findChildren(widget, QtWidgets.QLabel)]
    return "\n".join(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _close(widget: QtWidgets.QWidget) -> None:
    if isinstance(widget, QtWidgets.QDialog):
        QtWidgets.QDialog.reject(widget)
    QtWidgets.QWidget.close(widget)


def _respond(widget: QtWidgets.QWidget) -> None:
    try:
        if not _answers:
            raise UnexpectedDialog(f"{type(widget).__name__} opened and nobody was there to answer:\n{text_of(widget)}")
        _answers.popleft()(widget)
    except BaseException as error:  # noqa: BLE001 - raised inside the event loop, shown by the test
        remember(error)
        _close(widget)


def _give_up(widget: QtWidgets.QWidget) -> None:
    remember(UnexpectedDialog(f"A dialog stayed open after it was answered:\n{text_of(widget)}"))
    _close(widget)


def execute(widget: QtWidgets.QWidget, run: Callable[[], object]) -> object:
    """Run a dialog's own event loop and have it answered inside."""
    _opened.append(text_of(widget))
    answer, limit = QtCore.QTimer(), QtCore.QTimer()
    QtCore.QTimer.setSingleShot(answer, True)
    QtCore.QTimer.setSingleShot(limit, True)
    answer.timeout.connect(lambda: _respond(widget))
    limit.timeout.connect(lambda: _give_up(widget))
    QtCore.QTimer.start(answer, 0)
    QtCore.QTimer.start(limit, LONGEST_ANSWER_MS)
    try:
        return run()
    finally:
        QtCore.QTimer.stop(answer)
        QtCore.QTimer.stop(limit)
