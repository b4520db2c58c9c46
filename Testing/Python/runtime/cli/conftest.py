"""Images, a student whose labels are known beforehand, and the command line as a function."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from kdseg.cli.main import main
from kdseg_testing.threshold_student import write_threshold_student


@dataclass
class Called:
    """What a call of the command line returned and printed."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def named(self, event: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["event"] == event]


@pytest.fixture
def kdseg(capsys):
    """Call ``kdseg`` with words, in this process."""

    def call(*words, runtime=None) -> Called:
        capsys.readouterr()
        code = main([str(w) for w in words], runtime=runtime)
        printed = capsys.readouterr()
        events = [json.loads(line) for line in printed.out.splitlines()] if "--json" in words else []
        return Called(code, printed.out, printed.err, events)

    return call


@pytest.fixture(scope="session")
def student(tmp_path_factory) -> Path:
    """A student of one channel: label 1 where the image is above 0."""
    return write_threshold_student(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="session")
def student_of_two_channels(tmp_path_factory) -> Path:
    """A student of two channels: label 1 where the second is above the first."""
    return write_threshold_student(tmp_path_factory.mktemp("student"), channels=2, name="two-channels")


def write_image(path: Path, seed: int = 0) -> np.ndarray:
    """Write 10 × 11 × 12 voxels of 1 mm and return them.

    The values lie far apart: at the corners of a volume nnU-Net's weights are so small that float16 loses small logits.
    """
    voxels = np.random.default_rng(seed).choice(np.float32([-300, -100, 100, 300]), size=(10, 11, 12))
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetOrigin((-7.0, 3.5, 20.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))
    return voxels


def read_labels(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


@pytest.fixture
def an_image(tmp_path):
    """Write an image by name into the test's folder and return its path."""

    def write(name: str = "scan.nii.gz", seed: int = 0) -> Path:
        write_image(tmp_path / name, seed)
        return tmp_path / name

    return write
