"""A profile made by hand, and small students."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kdseg_testing.threshold_student import write_threshold_student
from kdseg_training.profiling import (
    MachinePeak,
    Measurement,
    MemorySource,
    Profile,
    ProfileRun,
    ProfileSettings,
    Quality,
    RunLoad,
    StageCost,
    SubjectKind,
    SubjectProfile,
    VolumeFacts,
)

GIB = 1024**3


def make_run(number: int, wall_s: float, *, cpu_s: float = 1.0, peak: int = GIB, warm_up: bool = False) -> ProfileRun:
    """Return a run whose network took three quarters of the time."""
    stages = (StageCost("read", wall_s / 4, peak // 2), StageCost("network", wall_s * 3 / 4, peak))
    load = RunLoad(0.5, 0.0, 0.0)
    return ProfileRun(number, warm_up, wall_s, cpu_s, peak, MemorySource.VMHWM, peak // 4, stages, load)


def make_subject(key: str, seconds: list[float], *, dice: float | None = 0.9, **changes: object) -> SubjectProfile:
    """Return a student with a warm-up of 100 s and the given runs, with 2 threads."""
    runs = (make_run(0, 100.0, warm_up=True), *(make_run(i + 1, s) for i, s in enumerate(seconds)))
    measurement = Measurement(2, 0.5, "cpu", "ONNX Runtime 1.0", runs)
    subject = SubjectProfile(
        key=key,
        kind=SubjectKind.STUDENT,
        path=f"/students/{key}",
        sha256="0" * 64,
        capacity="1/4",
        size_bytes=1_500_000,
        parameters=1000,
        patch_size=(8, 8, 8),
        patches=3,
        passes=2,
        flops_per_pass=10**9,
        mirroring_axes=(0,),
        tile_step_size=0.5,
        quality=None if dice is None else Quality(dice, "40 cases"),
        measurements=(measurement,),
    )
    return replace(subject, **changes)


def make_profile(*subjects: SubjectProfile) -> Profile:
    """Return a profile of the subjects on a machine whose peak is 8 GFLOP/s with 2 threads."""
    return Profile(
        created_utc="2026-01-02T03:04:05+00:00",
        command=("kdseg-training", "profile"),
        volume=VolumeFacts("", (10, 20, 30), (1.0, 1.0, 2.0), 1),
        settings=ProfileSettings(3, 1, (2,), True, None, "auto"),
        machine="here / CPU",
        hardware={"cpu_model": "CPU", "cpus_available": 2, "ram_total_bytes": 8 * GIB, "system": "Linux"},
        versions={"kdseg": "0.1.0"},
        machine_peaks=(MachinePeak(2, 8e9, 4e9, 4),),
        subjects=subjects,
        warnings=("A doubt.",),
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "student"
    folder.mkdir()
    return write_threshold_student(folder)
