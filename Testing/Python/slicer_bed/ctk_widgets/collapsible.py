"""Sections that fold."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field

HEADER_HEIGHT = 24


@stand_in
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A button whose children show only while it is open."""

    contentsCollapsed = Signal(bool)

    def __init__(self, first=None, second=None) -> None:
        text, parent = (first, second) if isinstance(first, str) else ("", first)
        super().__init__(parent)
        self._collapsed = False
        self.setText(text)
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Minimum)
        self.clicked.connect(lambda: self._fold(not self._collapsed))

    def _fold(self, collapsed: bool) -> None:
        if bool(collapsed) == self._collapsed:
            return
        self._collapsed = bool(collapsed)
        for child in QtCore.QObject.children(self):
            if isinstance(child, QtWidgets.QWidget):
                child.setVisible(not self._collapsed)
        self.setMaximumHeight(HEADER_HEIGHT if self._collapsed else 16777215)
        self.updateGeometry()
        self.contentsCollapsed.emit(self._collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _fold)
    collapsedHeight = field(int, 10)
    flat = field(bool, False)
    contentsFrameShape = field(int, 0)
    contentsFrameShadow = field(int, 0)
    contentsLineWidth = field(int, 1)
    contentsMidLineWidth = field(int, 0)

    def childEvent(self, event) -> None:
        """Hide what is added while the section is folded."""
        child = event.child()
        if event.added() and self._collapsed and isinstance(child, QtWidgets.QWidget):
            child.setVisible(False)

    def sizeHint(self):
        """Return room for the header and the contents."""
        layout = self.layout()
        inside = layout.sizeHint() if layout is not None and not self._collapsed else QtCore.QSize(0, 0)
        return QtCore.QSize(max(120, inside.width()), HEADER_HEIGHT + (2 if self._collapsed else inside.height()))

    minimumSizeHint = sizeHint

    def paintEvent(self, event) -> None:
        """Draw the header."""
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT - 2)
        option.text = f"{'▸' if self._collapsed else '▾'} {self.text}"
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.CE_PushButton, option)
        painter.end()

    def hitButton(self, position) -> bool:
        """Only the header can be clicked."""
        return position.y() < HEADER_HEIGHT


@stand_in
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box that folds by its check box."""

    def __init__(self, first=None, second=None) -> None:
        title, parent = (first, second) if isinstance(first, str) else ("", first)
        super().__init__(title, parent)
        self.setCheckable(True)
        self.toggled.connect(self._show_children)

    def _show_children(self, shown: bool) -> None:
        for child in QtCore.QObject.children(self):
            if isinstance(child, QtWidgets.QWidget):
                child.setVisible(shown)

    collapsed = Property(bool, lambda self: not self.checked, lambda self, collapsed: self.setChecked(not collapsed))
    collapsedHeight = field(int, 14)
