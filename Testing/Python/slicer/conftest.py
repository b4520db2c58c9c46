"""Fixtures of the tests that need Slicer; every test begins with an empty scene and ends without errors inside slots."""

from __future__ import annotations

import slicer_bed

BED = slicer_bed.start()

import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import pytest  # noqa: E402

from slicer_bed.hands import Hands  # noqa: E402
from slicer_bed.pip import Installer, installer  # noqa: E402
from slicer_bed.pythonqt import dialogs, slots  # noqa: E402


def _remember_unhandled(kind, error, trace) -> None:
    slots.remember(error)


def pytest_configure(config: pytest.Config) -> None:
    """VTK's own bridge to NumPy does what NumPy 2.5 advises against."""
    config.addinivalue_line("filterwarnings", "ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run the test inside the application's event loop."""
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    BED.inside_event_loop(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(autouse=True)
def bed(monkeypatch: pytest.MonkeyPatch):
    """The running application; a test fails if an error was raised where Qt or VTK called Python, or a dialog never came."""
    monkeypatch.setattr(sys, "excepthook", _remember_unhandled)
    BED.reset()
    slots.take_errors()
    yield BED
    never_came = dialogs.pending()
    BED.reset()
    errors = slots.take_errors()
    if errors:
        raise AssertionError("raised where Qt or VTK called Python") from errors[0]
    assert never_came == 0, f"{never_came} announced dialog(s) did not open"


@pytest.fixture
def scene(bed):
    """The scene, empty but for what a new scene has."""
    return bed.mrml.scene


@pytest.fixture
def slot_errors() -> Callable[[], list[BaseException]]:
    """For a test of an error inside a slot: returns the errors so far and takes them off the list that fails the test."""
    return slots.take_errors


@pytest.fixture
def load_module(bed) -> Callable:
    """Return a function that loads one of the extension's modules as Slicer does at its start."""
    return bed.load_module


@pytest.fixture
def open_panel(load_module) -> Callable:
    """Return a function that loads a module, opens its panel, and returns the Python object of the panel."""

    def open_(name: str):
        widget = load_module(name).widgetRepresentation()
        widget.show()
        widget.enter()
        return widget.self()

    return open_


@pytest.fixture
def end_startup(bed) -> Callable[[], None]:
    """Return a function that does what Slicer does when every module is loaded: it emits ``startupCompleted()``."""
    return bed.app.startupCompleted.emit


@pytest.fixture
def open_editor(bed, end_startup) -> Callable:
    """Return a function that opens a Segment Editor on a volume and a segmentation, with every effect of the loaded modules."""
    import slicer

    def open_(volume, segmentation):
        end_startup()
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLScene(bed.mrml.scene)
        editor.setMRMLSegmentEditorNode(bed.mrml.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        editor.show()
        return editor

    return open_


@pytest.fixture
def wait_until(bed) -> Callable:
    """Return a function that runs the event loop until a condition holds."""
    return bed.wait_until


@pytest.fixture
def run_events(bed) -> Callable:
    """Return a function that runs the event loop for some seconds, at least once."""
    return bed.run_events


@pytest.fixture
def hands() -> Hands:
    """The user's hands: clicks, keys, choices, and answers to dialogs."""
    return Hands()


@pytest.fixture
def pip() -> Installer:
    """What stands in for pip: records every call; refuses until the test says ``pip.succeed()`` or ``pip.fail()``."""
    return installer
