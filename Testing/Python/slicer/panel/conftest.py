"""An open panel, volumes to segment, and what a user sees of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer.util

import slicer
from kdseg_testing.shipped import HIPPOCAMPUS

SETTING = "KDSegmentator/StudentsFolder"


@pytest.fixture
def students_folder(bed, tmp_path: Path) -> Path:
    """The user's folder for students, empty."""
    folder = tmp_path / "Students"
    qt.QSettings().setValue(SETTING, str(folder))
    return folder


@pytest.fixture
def add_volume(bed) -> Callable:
    """Return a function that puts a volume like a crop around a hippocampus into the scene."""

    def add(name: str = "crop", *, shape=(40, 56, 40)):
        k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
        blob = 80 * np.exp(-(12 * k**2 + j**2 + 6 * i**2))  # long and thin: the student finds both parts in it
        voxels = 100 + blob + np.random.default_rng(7).normal(0, 6, shape)
        return slicer.util.addVolumeFromArray(voxels.astype(np.int16), name=name)

    return add


@pytest.fixture
def panel(open_panel, students_folder: Path):
    """The open panel in an empty scene."""
    return open_panel("KDSegmentator").panel


@pytest.fixture
def ready(panel, hands, add_volume, run_events):
    """The open panel with a volume and the student for it."""
    add_volume()
    hands.choose(panel.students.picker.combo, HIPPOCAMPUS.title)
    run_events(0.05)
    assert panel.ui.segmentButton.enabled, panel.status.sentence_label.text
    return panel


@pytest.fixture
def until_done(wait_until) -> Callable:
    """Return a function that waits until the panel's run has ended."""

    def wait(panel, seconds: float = 60.0) -> None:
        wait_until(lambda: panel.ui.segmentButton.text == "&Segment", seconds, "the run has ended")

    return wait


def segmentations() -> list:
    """Return the segmentation nodes of the scene."""
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
