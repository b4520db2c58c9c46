"""First use: the question before anything is installed, the no, the yes, and the way without internet."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest
import qt

from kdseg.cli.wheelhouse import MANIFEST, make_manifest, runtime_requirements, this_computer
from slicer_bed.pip import installer


class Packages:
    """The lists of packages that this Python sees: ONNX Runtime is hidden until pip was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hidden = {"onnxruntime"}
        self._distributions, self._version = importlib.metadata.distributions, importlib.metadata.version
        monkeypatch.setattr(importlib.metadata, "distributions", self._visible)
        monkeypatch.setattr(importlib.metadata, "version", self._version_of)

    def _visible(self, **options):
        return (d for d in self._distributions(**options) if d.metadata["Name"] not in self.hidden)

    def _version_of(self, name: str) -> str:
        if name in self.hidden:
            raise importlib.metadata.PackageNotFoundError(name)
        return self._version(name)

    def arrive(self, arguments: list[str]) -> None:
        """Do what pip does: afterwards the package is there."""
        self.hidden.clear()


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Packages:
    """Slicer before the first use."""
    return Packages(monkeypatch)


@pytest.fixture
def fresh(packages: Packages, ready, monkeypatch: pytest.MonkeyPatch):
    """A panel that is ready to run in a Slicer without ONNX Runtime; runs are only counted."""
    ready.installation._installed = None
    ready.advanced.show()
    ready.started = []
    monkeypatch.setattr(ready.logic, "segment", lambda *arguments, **options: ready.started.append(arguments))
    return ready


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """A folder as ``kdseg wheelhouse`` makes it for this computer."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in ("onnxruntime-1.31.1-cp312-cp312-any.whl", "scikit_image-0.26.0-cp312-cp312-any.whl"):
        (folder / name).write_bytes(name.encode())
    manifest = make_manifest(folder, this_computer(), runtime_requirements(this_computer(), faster=False))
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def child(dialog, name: str):
    (found,) = [widget for widget in dialog.findChildren(qt.QWidget) if widget.objectName == name]
    return found


def test_nothing_is_asked_before_segment_is_pressed(fresh, hands, run_events) -> None:
    run_events(0.2)
    assert hands.dialogs() == ()
    assert fresh.ui.segmentButton.enabled
    assert fresh.advanced.box.runtime_label.text == "ONNX Runtime is not installed"


def test_a_no_installs_nothing_and_starts_nothing(fresh, hands) -> None:
    hands.answer("Not now")
    hands.click(fresh.ui.segmentButton)
    assert installer.calls == []
    assert fresh.started == []
    assert fresh.status.sentence_label.text.startswith("Not segmented: the software that runs students was not installed.")
    assert fresh.ui.segmentButton.enabled, "the user can press it again"
    (text,) = hands.dialogs()
    assert "onnxruntime" in text and "NumPy and SimpleITK" in text
    assert [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible] == []


def test_a_yes_installs_and_goes_on_to_the_run(fresh, hands, packages: Packages) -> None:
    installer.succeed(packages.arrive)
    hands.answer("Install")
    hands.click(fresh.ui.segmentButton)
    assert len(installer.calls) == 1
    words = " ".join(installer.calls[0])
    assert "onnxruntime" in words and "scikit-image" not in words
    assert not any(word.lower().startswith(("numpy", "simpleitk", "scipy")) for word in installer.calls[0])
    assert len(fresh.started) == 1
    assert "Installed: ONNX Runtime 1." in fresh.log.text.plainText
    assert fresh.advanced.box.runtime_label.text.startswith("ONNX Runtime 1.")


def test_an_installed_runtime_is_not_asked_for(fresh, hands, packages: Packages) -> None:
    packages.arrive([])
    hands.click(fresh.ui.segmentButton)
    assert hands.dialogs() == ()
    assert len(fresh.started) == 1


def test_without_internet_from_a_folder(fresh, hands, packages: Packages, wheelhouse: Path) -> None:
    def answer(dialog) -> None:
        install = child(dialog, "consentInstall")
        hands.click(child(dialog, "consentFolder"))
        assert not install.enabled, "a folder is needed"
        assert child(dialog, "consentCommand").text.startswith("kdseg wheelhouse ")
        hands.type(child(dialog, "consentFolderEdit"), str(wheelhouse.parent / "nothing"))
        assert child(dialog, "consentProblem").text == "The folder does not exist."
        hands.type(child(dialog, "consentFolderEdit"), str(wheelhouse))
        hands.click(install)

    installer.succeed(packages.arrive)
    hands.answer(answer)
    hands.click(fresh.ui.segmentButton)
    (call,) = installer.calls
    assert "--no-index" in call
    assert str(wheelhouse) in call
    assert len(fresh.started) == 1


def test_a_folder_for_another_computer_is_refused(fresh, hands, wheelhouse: Path) -> None:
    manifest = json.loads((wheelhouse / MANIFEST).read_text())
    (wheelhouse / MANIFEST).write_text(json.dumps({**manifest, "python": "3.9"}))

    def answer(dialog) -> None:
        hands.click(child(dialog, "consentFolder"))
        hands.type(child(dialog, "consentFolderEdit"), str(wheelhouse))
        hands.click(child(dialog, "consentInstall"))

    hands.answer(answer)
    hands.click(fresh.ui.segmentButton)
    (error,) = [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
    assert child(error, "errorProblem").text == "The packages were collected for another computer."
    assert installer.calls == []
    assert fresh.started == []


def test_a_failed_installation_is_told_and_nothing_runs(fresh, hands) -> None:
    installer.fail(output="ERROR: No matching distribution found for onnxruntime")
    hands.answer("Install")
    hands.click(fresh.ui.segmentButton)
    (error,) = [w for w in qt.QApplication.topLevelWidgets() if w.objectName == "KDSegmentatorError" and w.visible]
    assert "No matching distribution" in child(error, "errorReasons").text
    assert fresh.started == []
    assert fresh.status.sentence_label.text != "Installing. This may take a minute."
    assert fresh.ui.segmentButton.text == "&Segment"


def test_the_button_under_advanced_installs_as_well(fresh, hands, packages: Packages, run_events) -> None:
    fresh.ui.advancedCollapsible.collapsed = False
    run_events(0.05)
    installer.succeed(packages.arrive)
    hands.answer("Install")
    hands.click(fresh.advanced.box.install_button)
    assert len(installer.calls) == 1
    assert fresh.started == []
    assert fresh.advanced.box.runtime_label.text.startswith("ONNX Runtime 1.")


def test_the_command_names_the_faster_variant_where_it_is_chosen(fresh, hands) -> None:
    commands = []

    def answer(dialog) -> None:
        hands.click(child(dialog, "consentFolder"))
        commands.append(child(dialog, "consentCommand").text)
        hands.click(child(dialog, "consentFaster"))
        commands.append(child(dialog, "consentCommand").text)
        hands.click(child(dialog, "consentCancel"))

    hands.answer(answer)
    hands.click(fresh.ui.segmentButton)
    assert commands[1] == commands[0] + " --faster"
