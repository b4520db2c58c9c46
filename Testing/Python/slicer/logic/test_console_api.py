"""The contract of the console API: signatures, attributes, and the examples of docs/console.md."""

from __future__ import annotations

import inspect
import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import slicer
from kdseg.errors import BundleError
from KDSegmentatorLib.batch import BatchRun, CaseResult
from KDSegmentatorLib.runs.run import ProgressUpdate
from KDSegmentatorLib.runs.sequence import SequenceRun
from KDSegmentatorLib.runs.single import SegmentationRun

from .conftest import SHAPE_KJI, blobs

SHARED = "structures=None, threads=None, memoryBytes=None, engine='auto', mirroring=None"
CALLBACKS = "onEvent=None, onFinished=None"

SIGNATURES = {
    "segment": f"volumeNode, student, segmentationNode=None, wait=True, onProgress=None, *, {SHARED}, {CALLBACKS}",
    "segmentSequence": "sequenceNode, student, segmentationSequenceNode=None, wait=True, onProgress=None, *, "
    f"{SHARED}, {CALLBACKS}",
    "queue": f"volumes, student, outputFolder=None, wait=True, onProgress=None, *, overwrite=False, {SHARED}, {CALLBACKS}",
    "estimate": f"volumeNode, student, *, {SHARED}",
    "chooseStudent": "student, volumeNode=None, *, seconds=None, leastQuality=None, threads=None, memoryBytes=None, "
    "engine='auto', mirroring=None",
    "volumesTable": "segmentationNode, tableNode=None",
    "installPackages": "folder=None, faster=None",
    "setStudentsFolder": "folder",
}
"""Of API 1.1. A change that breaks a caller needs API 2.0; a new parameter with a default goes to the end of its line."""

OF_EVERY_RUN = {"state", "outcome", "error", "details", "report", "notes", "cancel", "wait", "raise_for_outcome"}


@pytest.fixture
def document(repository: Path) -> str:
    return (repository / "docs" / "console.md").read_text(encoding="utf-8")


@pytest.fixture
def module(load_module: Callable[[str], Any]) -> Any:
    """The module as Slicer has loaded it."""
    load_module("KDSegmentator")
    import KDSegmentator

    return KDSegmentator


def test_the_version_of_the_contract(module: Any) -> None:
    assert module.KDSegmentatorLogic.API_VERSION == "1.1"
    assert module.KDSegmentatorLogic().API_VERSION == "1.1"


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(module: Any, name: str) -> None:
    signature = inspect.signature(getattr(module.KDSegmentatorLogic(), name))
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    assert str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)) == f"({SIGNATURES[name]})"


def test_nothing_else_is_public(module: Any) -> None:
    from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

    inherited = set(dir(ScriptedLoadableModuleLogic)) | set(vars(ScriptedLoadableModuleLogic()))
    logic = module.KDSegmentatorLogic()
    public = {name for name in dir(logic) if not name.startswith("_")} - inherited
    assert public == {*SIGNATURES, "API_VERSION", "library", "rates", "profiles"}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (SegmentationRun, {"segmentationNode", "notFound"}),
        (SequenceRun, {"segmentationSequenceNode"}),
        (BatchRun, {"results", "csvPath"}),
    ],
)
def test_what_a_run_has(kind: type, own: set[str], runs: dict[type, Any], document: str) -> None:
    for name in OF_EVERY_RUN | own:
        assert hasattr(runs[kind], name), name
        assert name in document, name


def test_what_is_told_and_what_results_hold(document: str) -> None:
    assert [f.name for f in fields(ProgressUpdate)] == [
        *("stage", "fraction", "overall", "secondsLeft", "item", "items", "name")
    ]
    result = {f.name for f in fields(CaseResult)}
    assert result == {"name", "state", "error", "details", "segmentationNode", "path", "volumes_ml"}
    for name in ("secondsLeft", "items", "volumes_ml"):
        assert f"`{name}`" in document


def test_the_document_names_every_method_and_parameter(document: str) -> None:
    words = set(re.findall(r"\w+", document))
    missing = set(SIGNATURES) - words
    for signature in SIGNATURES.values():
        missing |= {part.split("=")[0].strip() for part in signature.split(",")} - {"*", "faster", "tableNode"} - words
    assert missing - {"volumes", "segmentationSequenceNode"} == set()


def test_the_examples_of_the_document_run(
    module: Any,
    document: str,
    played: Any,
    library: Any,
    make_volume: Callable[..., Any],
    scene: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the student that ships; its child process is played, with one structure above 0."""
    sequence_node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    frame = make_volume(blobs(SHAPE_KJI), "frame")
    sequence_node.SetDataNodeAtValue(frame, "0")
    names = {
        "volumeNode": make_volume(blobs(SHAPE_KJI)),
        "sequenceNode": sequence_node,
        "folder": tmp_path,
    }
    examples = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert len(examples) == 10
    for example in examples:
        exec(compile(example, "docs/console.md", "exec"), names)
    assert names["segmentationNode"].GetSegmentation().GetNumberOfSegments() == 0  # only the posterior part was wanted last
    assert names["segmentationSequenceNode"].GetNumberOfDataNodes() == 1
    assert names["tableNode"].GetNumberOfRows() == 1
    assert names["run"].state == "succeeded"
    assert (tmp_path / "MR.seg.nrrd").exists()
    assert "stopped" in capsys.readouterr().out


def test_an_example_without_windows(
    module: Any,
    played: Any,
    repository: Path,
    students_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_volume: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from KDSegmentatorLib.mrml import export_volume

    images = tmp_path / "images"
    images.mkdir()
    export_volume(make_volume(blobs(SHAPE_KJI)), images, "good")
    export_volume(make_volume(np.zeros(SHAPE_KJI, dtype=np.float32)), images, "bad")
    (student,) = students_folder.glob("threshold-*.kdseg.zip")
    assert run_example(repository, monkeypatch, str(images), str(student), str(tmp_path / "results")) == 1
    assert (tmp_path / "results" / "good.seg.nrrd").exists()
    shown = capsys.readouterr().out
    assert "good: succeeded" in shown
    assert "bad: failed" in shown
    (images / "bad.nrrd").unlink()
    assert run_example(repository, monkeypatch, str(images), str(student), str(tmp_path / "again")) == 0


def test_the_example_passes_exit_codes_on(
    module: Any, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_example(repository, monkeypatch, str(tmp_path), "nobody", str(tmp_path)) == BundleError.exit_code
    assert "no student of this name" in capsys.readouterr().err
    assert run_example(repository, monkeypatch, str(tmp_path)) == 2
    assert "Usage: Slicer --no-main-window" in capsys.readouterr().err


def run_example(repository: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run Examples/slicer_headless.py as Slicer does, and return the exit code that it asks Slicer for."""
    codes: list[int] = []
    path = repository / "Examples" / "slicer_headless.py"
    monkeypatch.setattr(slicer.util, "exit", codes.append)
    monkeypatch.setattr("sys.argv", [str(path), *arguments])
    runpy.run_path(str(path), run_name="__main__")
    (code,) = codes
    return code


@pytest.fixture
def runs(logic: Any, played: Any, make_volume: Callable[..., Any], scene: Any) -> dict[type, Any]:
    """One finished run of each kind."""
    volume_node = make_volume(blobs(SHAPE_KJI))
    sequence_node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    sequence_node.SetDataNodeAtValue(volume_node, "0")
    found = [
        logic.segment(volume_node, "threshold", wait=False),
        logic.segmentSequence(sequence_node, "threshold", wait=False),
        logic.queue([volume_node], "threshold", wait=False),
    ]
    for run in found:
        run.wait()
    return {type(run): run for run in found}


def test_the_folder_of_added_students_is_remembered(module: Any, students_folder: Path, scene: Any) -> None:
    logic = module.KDSegmentatorLogic()
    usual = logic.library.user_folder
    assert "threshold" not in [student.name for student in logic.library.students()]
    logic.setStudentsFolder(students_folder)
    assert "threshold" in [student.name for student in logic.library.students()]
    assert module.KDSegmentatorLogic().library.user_folder == students_folder
    logic.setStudentsFolder(None)
    assert module.KDSegmentatorLogic().library.user_folder == usual
