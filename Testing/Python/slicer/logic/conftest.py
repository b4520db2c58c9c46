"""A scene with volumes, students whose labels are known without running them, and the logic that runs them for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, ClassVar

import numpy as np
import pytest
import qt
import vtk
from scipy import ndimage

import slicer
from kdseg.errors import KDSegError
from kdseg.io import read_volume, write_label_map
from kdseg.segmentation import Segmentation
from kdseg_testing.threshold_student import ENTRIES, expected_labels, write_threshold_student
from KDSegmentatorLib.jobs.messages import ProgressMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped, Succeeded

SHAPE_KJI = (12, 14, 10)


class PlayedProcess:
    """Keeps the promises of StudentProcess for the student "threshold", in Slicer's process and at once.

    While ``held`` is True jobs do not end by themselves, as if the network took its time.
    """

    requests: ClassVar[list[Any]] = []
    held: ClassVar[bool] = False

    def __init__(self, request: Any, *, on_event: Any = None, on_finished: Any = None, folder: Any) -> None:
        self.request, self._on_event, self._on_finished, self._folder = request, on_event, on_finished, folder
        self._outcome: Any = None
        self._cancelled = False

    def start(self) -> None:
        self.requests.append(self.request)
        self._on_event_later()

    def cancel(self) -> None:
        self._cancelled = True
        qt.QTimer.singleShot(0, self._end)

    def wait(self) -> None:
        while self._outcome is None:
            slicer.app.processEvents()

    def _on_event_later(self) -> None:
        qt.QTimer.singleShot(0, self._work)

    def _work(self) -> None:
        self._on_event(ProgressMessage("network", 0.5, 0.5, 1.0))
        if not self.held:
            qt.QTimer.singleShot(0, self._end)

    def _end(self) -> None:
        if self._outcome is not None:
            return
        self._outcome = Stopped() if self._cancelled else self._computed()
        self._on_finished(self._outcome)
        self._folder.remove()

    def _computed(self) -> Any:
        try:
            volume = read_volume(self.request.volume_paths)
        except KDSegError as error:
            return Failed(error, "what the child printed")
        labels = expected_labels(volume.voxels)
        write_label_map(Segmentation(labels, volume.geometry, ENTRIES), self.request.output_path)
        report = {
            "student": {"name": "threshold"},
            "request": {"student_sha256": self.request.student_sha256},
            "stages_seconds": {"read": 0.5, "network": 2.0},
            "settings": {"patches": 4, "passes_per_patch": 1},
            "engine": {"name": "cpu", "threads": self.request.threads},
            "input": {"shape_zyx": list(volume.geometry.shape)},
            "inputs": [{}] * volume.channels,
        }
        return Succeeded(self.request.output_path, report)


@pytest.fixture(scope="session")
def students_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two students: "threshold" (1 where above 0), "larger" (1 where the second channel is above the first)."""
    folder = tmp_path_factory.mktemp("students")
    write_threshold_student(folder)
    write_threshold_student(folder, channels=2, name="larger")
    return folder


@pytest.fixture(scope="session")
def library(students_folder: Path) -> Any:
    """The students of the tests and those that ship; each is checked once."""
    from KDSegmentatorLib.students import StudentLibrary, shipped_students_folder

    return StudentLibrary(shipped_students_folder(), students_folder)


@pytest.fixture
def logic(scene: Any, library: Any) -> Any:
    """The module's logic, with the students of the tests."""
    from KDSegmentatorLib.logic import KDSegmentatorLogic

    made = KDSegmentatorLogic()
    made.library = library
    return made


@pytest.fixture
def make_volume(scene: Any) -> Callable[..., Any]:
    """Make an oblique volume node of 1 mm from voxels (k, j, i)."""

    def make(voxels: np.ndarray, name: str = "MR") -> Any:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        slicer.util.updateVolumeFromArray(node, voxels)
        turn = vtk.vtkTransform()
        turn.Translate(-31.5, 12.25, 7.0)
        turn.RotateX(20)
        turn.RotateZ(-35)
        node.SetIJKToRASMatrix(turn.GetMatrix())
        return node

    return make


@pytest.fixture
def voxels() -> np.ndarray:
    """Blobs above and below 0; shape (k, j, i)."""
    return blobs(SHAPE_KJI)


@pytest.fixture
def volume_node(make_volume: Callable[..., Any], voxels: np.ndarray) -> Any:
    return make_volume(voxels)


@pytest.fixture
def long_volume_node(make_volume: Callable[..., Any]) -> Any:
    """A volume of thousands of patches, whose segmentation can be interrupted."""
    return make_volume(blobs((120, 120, 120)), "Long")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> type[PlayedProcess]:
    """For tests of what happens around a child process: none is started, its part is played by :class:`PlayedProcess`."""
    from KDSegmentatorLib.runs import job

    monkeypatch.setattr(job, "StudentProcess", PlayedProcess)
    PlayedProcess.requests = []
    PlayedProcess.held = False
    return PlayedProcess


@pytest.fixture
def private_folders(bed: Any) -> Callable[[], list[str]]:
    """Return a function that lists what jobs have left in the folder for temporary files."""
    return lambda: sorted(path.name for path in Path(slicer.app.temporaryPath).glob("kdseg-*"))


def blobs(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(shape)
    return (ndimage.gaussian_filter(noise, 1.5) * 1000).astype(np.float32)


def segment_array(segmentation_node: Any, identifier: str, volume_node: Any) -> np.ndarray:
    """Return where a segment is, on the grid of a volume, as Slicer shows it."""
    return np.asarray(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, identifier, volume_node)) != 0
