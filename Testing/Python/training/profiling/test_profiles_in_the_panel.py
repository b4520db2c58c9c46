"""What the profiler writes is what the panel reads: its times stand until the panel has run a student itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.hardware import this_machine
from kdseg.limits import EngineName
from kdseg_training.profiling import (
    Measurement,
    MemorySource,
    Profile,
    ProfileRun,
    ProfileSettings,
    RunLoad,
    StageCost,
    SubjectKind,
    SubjectProfile,
    VolumeFacts,
)
from KDSegmentatorLib.profiles import SCHEMA, ProfileBook
from KDSegmentatorLib.rates import RunSize, expected_seconds

DIGEST = "ab" * 32


def run(number: int, *, warm_up: bool = False) -> ProfileRun:
    stages = (StageCost("read", 1.0, 5), StageCost("network", 12.0), StageCost("write", 2.0, 6))
    return ProfileRun(number, warm_up, 15.0, 20.0, 700 + number, MemorySource.VMHWM, 100, stages, RunLoad(None, None, None))


def subject(kind: SubjectKind) -> SubjectProfile:
    measurement = Measurement(2, 0.5, "cpu", "CPUExecutionProvider", (run(0, warm_up=True), run(1), run(2)))
    return SubjectProfile(
        key=kind.value,
        kind=kind,
        path="somewhere",
        sha256=DIGEST,
        capacity="1/4",
        size_bytes=1,
        parameters=1,
        patch_size=(8, 8, 8),
        patches=60,
        passes=2,
        flops_per_pass=None,
        mirroring_axes=(),
        tile_step_size=0.5,
        quality=None,
        measurements=(measurement,),
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    profile = Profile(
        created_utc="2026-03-01T10:00:00+00:00",
        command=(),
        volume=VolumeFacts("", (100, 100, 300), (1.0, 1.0, 1.0), 1),
        settings=ProfileSettings(repetitions=2, warm_ups=1, threads=(2,), mirroring=True, tile_step_size=None, engine="auto"),
        machine=this_machine(),
        hardware={},
        versions={},
        machine_peaks=(),
        subjects=(subject(SubjectKind.NNUNET), subject(SubjectKind.STUDENT)),
        warnings=(),
    )
    (tmp_path / "profile.json").write_text(profile.to_json(), encoding="utf-8")
    return tmp_path


def test_the_panel_reads_what_the_profiler_writes(written: Path) -> None:
    from kdseg_training.profiling.results import SCHEMA as WRITTEN

    assert SCHEMA == WRITTEN
    found = ProfileBook(written).find(DIGEST, EngineName.CPU, 2)
    assert found is not None
    assert (found.case_seconds, found.peak_bytes, found.shape_zyx) == (15.5, 702, (100, 100, 300))
    assert len(found.rates) == 2  # the warm-up does not count
    # 0.1 s for each of 120 passes, 1 s for each of 3 million voxels, 0.5 s to start
    assert expected_seconds(found.rates, RunSize(240, 6_000_000)) == pytest.approx(0.5 + 24.0 + 6.0)
