"""Things to tick."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from ..pythonqt.classes import stand_in


@stand_in
class ctkCheckBox(QtWidgets.QCheckBox):
    """CTK's check box; nothing beyond Qt's is played."""


@stand_in
class ctkComboBox(QtWidgets.QComboBox):
    """CTK's combo box; nothing beyond Qt's is played."""


@stand_in
class ctkCheckableComboBox(QtWidgets.QComboBox):
    """A combo box whose items have check boxes."""

    CPP_SIGNALS = ("checkedIndexesChanged()", "returnRelease()")
    checkedIndexesChanged = Signal()
    returnRelease = Signal()

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.model().rowsInserted.connect(self._make_checkable)
        self.model().itemChanged.connect(lambda item: self.checkedIndexesChanged.emit())

    def _make_checkable(self, parent, first: int, last: int) -> None:
        model = self.model()
        model.blockSignals(True)
        for row in range(first, last + 1):
            item = model.item(row)
            item.setCheckable(True)
            if QtGui.QStandardItem.data(item, QtCore.Qt.CheckStateRole) is None:
                item.setCheckState(QtCore.Qt.Unchecked)
        model.blockSignals(False)

    def checkableModel(self):
        """Return the items."""
        return self.model()

    def checkedIndexes(self):
        """Return the ticked items."""
        indexes = (self.model().index(row, 0) for row in range(self.count))
        return tuple(index for index in indexes if self.checkState(index) == QtCore.Qt.Checked)

    def checkState(self, index):
        """Return whether an item is ticked."""
        return self.model().itemFromIndex(index).checkState()

    def setCheckState(self, index, state) -> None:
        """Tick an item."""
        self.model().itemFromIndex(index).setCheckState(QtCore.Qt.CheckState(state))

    def allChecked(self) -> bool:
        """Tell whether every item is ticked."""
        return len(self.checkedIndexes()) == self.count

    def noneChecked(self) -> bool:
        """Tell whether no item is ticked."""
        return not self.checkedIndexes()
