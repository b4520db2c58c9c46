"""Qt as PythonQt shows it: what PySide6 allows and PythonQt does not is refused, and the other way round."""

from __future__ import annotations

import sys

import ctk
import pytest
import qt

import slicer

KEPT = []


def made_by_cpp():
    """A button that no Python asked for; its box must be kept."""
    KEPT[:] = [qt.QDialogButtonBox(qt.QDialogButtonBox.Ok)]
    return KEPT[0].button(qt.QDialogButtonBox.Ok)


NATIVE = {
    "QPushButton": qt.QPushButton,
    "QTimer": qt.QTimer,
    "QSize": qt.QSize,
    "made by C++": made_by_cpp,
    "ctkCollapsibleButton": ctk.ctkCollapsibleButton,
    "qMRMLNodeComboBox": slicer.qMRMLNodeComboBox,
    "slicer.app": lambda: slicer.app,
}


@pytest.mark.parametrize("make", NATIVE.values(), ids=NATIVE)
def test_an_attribute_that_the_class_lacks_is_neither_read_nor_set(make) -> None:
    thing = make()
    with pytest.raises(AttributeError):
        _ = thing.widht
    with pytest.raises(AttributeError):
        thing.widht = 3


@pytest.mark.parametrize("make", [qt.QPushButton, qt.QTimer, qt.QSize])
def test_an_underscore_is_no_way_around(make) -> None:
    with pytest.raises(AttributeError):
        make()._private = 3


def test_a_property_is_an_attribute() -> None:
    button = qt.QPushButton("a")
    button.text, button.enabled, button.toolTip = "b", False, "c"
    assert (button.text, button.enabled, button.toolTip) == ("b", False, "c")
    with pytest.raises(TypeError):
        button.text()
    assert isinstance(button.sizeHint, qt.QSize)


def test_getters_that_are_no_properties_stay_methods() -> None:
    box, inner = qt.QGroupBox(), qt.QLabel("a")
    inner.setParent(box)
    assert inner.parent() is box
    assert box.children() == (inner,)
    assert box.layout() is None
    assert inner.isVisible() is False


def test_a_method_cannot_be_overwritten() -> None:
    for name in ("click", "clicked", "setText"):
        with pytest.raises(AttributeError):
            setattr(qt.QPushButton(), name, None)


def test_a_read_only_property_cannot_be_set() -> None:
    with pytest.raises(AttributeError, match="not writable"):
        qt.QComboBox().count = 3


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(AttributeError, match="does not accept"):
        qt.QSpinBox().value = qt.QSize(1, 2)


def test_a_dynamic_property_can_be_read_and_set_once_it_is_there() -> None:
    label = qt.QLabel()
    label.setProperty("SlicerParameterName", "threads")
    assert label.property("SlicerParameterName") == "threads"
    label.SlicerParameterName = "memory"
    assert label.property("SlicerParameterName") == "memory"


def test_name_is_the_objects_name() -> None:
    label = qt.QLabel()
    label.name = "here"
    assert (label.objectName, label.name) == ("here", "here")


def test_sequences_are_tuples() -> None:
    widget = qt.QListWidget()
    widget.addItems(["a", "b"])
    widget.selectAll()
    widget.selectionMode = qt.QAbstractItemView.MultiSelection
    widget.selectAll()
    assert isinstance(widget.selectedItems(), tuple)
    assert [item.text() for item in widget.selectedItems()] == ["a", "b"]


def test_enums_are_numbers() -> None:
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight
    assert label.alignment & qt.Qt.AlignRight == 2
    label.alignment = 1
    assert label.alignment == qt.Qt.AlignLeft
    assert qt.QMessageBox.Yes == 0x4000
    assert qt.QMessageBox().Yes == 0x4000


def test_a_derived_class_may_have_attributes_but_may_not_hide_the_cpp_ones() -> None:
    class Panel(qt.QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.rows = []
            self._state = 1

        def resizeEvent(self, event) -> None:
            self.rows.append("resized")

    panel = Panel()
    panel.resize(50, 60)
    panel.show()
    assert "resized" in panel.rows
    panel.windowTitle = "title"
    assert panel.windowTitle == "title"
    with pytest.raises(AttributeError):
        panel.layout = None


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (qt.QCheckBox, "checkStateChanged"),
        (qt.QWidget, "setScreen"),
        (qt.QProcess, "startCommand"),
        (qt.QTimer, "intervalAsDuration"),
    ],
)
def test_what_qt_5_lacks_is_not_there(make, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(make(), name)


def test_a_signal_that_qt_5_lacks_is_not_there() -> None:
    with pytest.raises(ValueError, match="no signal"):
        qt.QCheckBox().connect("checkStateChanged(Qt::CheckState)", print)
    assert not hasattr(qt, "QDirListing")
    assert not hasattr(qt, "Signal")


def test_both_ways_to_connect() -> None:
    button, calls = qt.QPushButton(), []
    assert button.connect("clicked(bool)", calls.append)
    assert button.connect("clicked()", lambda: calls.append("no argument"))
    assert button.clicked.connect(lambda: calls.append("signal"))
    button.checkable = True
    button.click()
    assert calls == [True, "no argument", "signal"]


def test_a_signal_that_is_not_there_is_refused() -> None:
    for signature in ("clickd()", "clicked(int)", "clicked", ""):
        with pytest.raises(ValueError):
            qt.QPushButton().connect(signature, print)


def test_the_signals_of_stand_ins_have_their_cpp_signatures(scene) -> None:
    selector, nodes = slicer.qMRMLNodeComboBox(), []
    selector.nodeTypes = ["vtkMRMLTextNode"]
    selector.setMRMLScene(scene)
    selector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode")
    assert nodes == [node]
    with pytest.raises(ValueError, match="no signal"):
        selector.connect("currentNodeChanged(QObject*)", print)


def test_a_slot_gets_as_many_arguments_as_it_takes_also_those_with_a_default() -> None:
    button, calls = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda student="mine": calls.append(student))
    button.connect("clicked(bool)", lambda *everything: calls.append(everything))
    button.click()
    assert calls == [False, (False,)]


def test_a_slot_that_needs_an_optional_argument_must_name_the_signature() -> None:
    with pytest.raises(TypeError, match="by signature"):
        qt.QPushButton().clicked.connect(lambda checked: None)


def test_disconnect_undoes_connect() -> None:
    button, calls = qt.QPushButton(), []

    def called() -> None:
        calls.append(1)

    button.connect("clicked()", called)
    assert button.disconnect("clicked()", called)
    button.clicked.connect(called)
    assert button.clicked.disconnect(called)
    button.click()
    assert calls == []
    assert not button.clicked.disconnect(called)


def test_a_slot_can_be_an_object_and_the_name_of_its_slot() -> None:
    box, label = qt.QCheckBox(), qt.QLabel()
    box.connect("toggled(bool)", label, "setEnabled(bool)")
    label.enabled = False
    box.checked = True
    assert label.enabled


def test_find_children_by_class_and_by_name() -> None:
    widget = qt.QWidget()
    layout = qt.QVBoxLayout(widget)
    for name in ("a", "b"):
        label = qt.QLabel(name)
        label.name = name
        layout.addWidget(label)
    assert [child.name for child in widget.findChildren(qt.QLabel)] == ["a", "b"]
    assert widget.findChildren("QLabel", "b")[0].text == "b"
    assert widget.findChild(qt.QLabel, "c") is None
    assert widget.className() == "QWidget"


def test_an_object_can_be_deleted_at_once() -> None:
    parent, child = qt.QWidget(), qt.QLabel()
    child.setParent(parent)
    child.delete()
    assert parent.children() == ()


def test_files_with_members_that_are_also_static() -> None:
    assert qt.QFile(sys.executable).exists()
    assert qt.QFile.exists(sys.executable)
    assert qt.QFileInfo(sys.executable).exists()
