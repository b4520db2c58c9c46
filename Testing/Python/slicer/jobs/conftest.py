"""Jobs for Slicer's child process, and stand-ins for it that misbehave."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorLib.jobs.folder import JobFolder
from KDSegmentatorLib.jobs.process import StudentProcess
from KDSegmentatorLib.jobs.request import JobRequest


@dataclass
class Job:
    """A job in a private folder, with everything it told."""

    folder: JobFolder
    request: JobRequest
    voxels: np.ndarray
    events: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    taken: list = field(default_factory=list)

    def process(self, python: str | None = None, **request) -> StudentProcess:
        from dataclasses import replace

        return StudentProcess(
            replace(self.request, **request),
            on_event=self.events.append,
            on_finished=self._finished,
            python=python or sys.executable,
            folder=self.folder,
        )

    def _finished(self, outcome) -> None:
        self.outcomes.append(outcome)
        path = getattr(outcome, "path", None)
        self.taken.append(None if path is None else SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """Make a job with the threshold student; a long one has some ten thousand patches."""

    def make(*, long: bool = False, parent: Path = tmp_path) -> Job:
        parent.mkdir(parents=True, exist_ok=True)
        folder = JobFolder(parent)
        voxels = np.random.default_rng(3).choice(np.array([-2.0, 2.0], np.float32), size=(96,) * 3 if long else (12, 16, 20))
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(folder.path / "volume.nrrd"))
        bundle = write_threshold_student(tmp_path)
        request = JobRequest(
            volume_paths=(folder.path / "volume.nrrd",),
            student_path=bundle,
            student_sha256=hashlib.sha256(bundle.read_bytes()).hexdigest(),
            output_path=folder.path / "labels.nrrd",
            threads=1,
        )
        return Job(folder, request, voxels)

    return make


@pytest.fixture
def impostor(tmp_path: Path) -> Callable[[str], str]:
    """Return a program that is started in place of Python; it runs ``body`` with the request in ``request``."""

    def write(body: str) -> str:
        path = tmp_path / "impostor"
        imports = "hashlib, json, os, pathlib, subprocess, sys, time"
        head = f"#!{sys.executable}\nimport {imports}\nrequest = json.load(open(sys.argv[3]))\n"
        path.write_text(head + body, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return write


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
