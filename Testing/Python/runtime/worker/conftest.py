"""A job in a private folder, and a child process to carry it out."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest
import SimpleITK

from kdseg.worker.messages import Message, decode
from kdseg.worker.request import JobRequest
from kdseg_testing.threshold_student import write_threshold_student


@dataclass
class Job:
    """A request and the voxels it is about; the threshold student gives label 1 where they are above 0."""

    folder: Path
    request: JobRequest
    voxels: np.ndarray

    @property
    def file(self) -> Path:
        return self.folder / "request.json"

    def change(self, **values: Any) -> Job:
        return Job(self.folder, replace(self.request, **values), self.voxels)

    def start(self, repository: Path, program: Optional[list[str]] = None) -> subprocess.Popen:
        self.file.write_text(self.request.to_json(), encoding="ascii")
        command = [sys.executable, *(program or ["-m", "kdseg.worker"]), str(self.file)]
        environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe)


def read_messages(child: subprocess.Popen) -> list[Message]:
    """Read to the end; the parent's end of standard input stays open meanwhile."""
    return [decode(line) for line in child.stdout]


def finish(child: subprocess.Popen) -> tuple[int, list[Message]]:
    """Let the child come to its end; return exit code and messages."""
    with child:
        messages = read_messages(child)
        return child.wait(timeout=20), messages


def make_job(folder: Path, shape: tuple[int, int, int] = (12, 16, 20)) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    bundle = write_threshold_student(folder)
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=shape)
    voxels = (signs * (1 + np.random.default_rng(4).random(shape))).astype(np.float32)  # never near the threshold
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetOrigin((5.0, -7.0, 11.0))
    SimpleITK.WriteImage(image, str(folder / "volume.nrrd"))
    request = JobRequest(
        volume_paths=(folder / "volume.nrrd",),
        student_path=bundle,
        student_sha256=hashlib.sha256(bundle.read_bytes()).hexdigest(),
        output_path=folder / "labels.nrrd",
        threads=1,
        private_folder=True,
    )
    return Job(folder, request, voxels)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path / "kdseg-job-test")


@pytest.fixture
def long_job(tmp_path: Path) -> Job:
    """Some ten thousand patches: it is still running when it is cancelled."""
    return make_job(tmp_path / "kdseg-job-long", (96, 96, 96))
