"""A slider with a number beside it."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field

STEPS = 1000


@stand_in
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """CTK's spin box; nothing beyond Qt's is played."""


@stand_in
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box with one value."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.setRange(0, STEPS)
        self._box = QtWidgets.QDoubleSpinBox()
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._box.valueChanged.connect(self._from_box)
        self._slider.valueChanged.connect(self._from_slider)
        self.setFocusProxy(self._slider)

    def _from_box(self, value: float) -> None:
        low, high = self._box.minimum, self._box.maximum
        self._slider.blockSignals(True)
        self._slider.setValue(round(STEPS * (value - low) / ((high - low) or 1)))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def _from_slider(self, step: int) -> None:
        low, high = self._box.minimum, self._box.maximum
        self._box.setValue(low + (high - low) * step / STEPS)

    def setValue(self, value: float) -> None:
        """Set the value."""
        self._box.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        """Set how many digits follow the point."""
        self._box.setDecimals(decimals)

    def reset(self) -> None:
        """Return to the minimum."""
        self.setValue(self.minimum)

    value = Property(float, lambda self: self._box.value, setValue)
    minimum = Property(float, lambda self: self._box.minimum, lambda self, value: self._box.setMinimum(value))
    maximum = Property(float, lambda self: self._box.maximum, lambda self, value: self._box.setMaximum(value))
    singleStep = Property(float, lambda self: self._box.singleStep, lambda self, value: self._box.setSingleStep(value))
    decimals = Property(int, lambda self: self._box.decimals, setDecimals)
    prefix = Property(str, lambda self: self._box.prefix, lambda self, text: self._box.setPrefix(text))
    suffix = Property(str, lambda self: self._box.suffix, lambda self, text: self._box.setSuffix(text))
    pageStep = field(float, 1.0)
    tickInterval = field(float, 0.1)
    tracking = field(bool, True)
    spinBoxVisible = field(bool, True, lambda self: self._box.setVisible(self.spinBoxVisible))
