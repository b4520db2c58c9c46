"""Real processes, side by side: a student that needs milliseconds, run from file to file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from kdseg.errors import BundleIntegrityError, Cancelled, ChannelError, ConfigurationError, KDSegError
from kdseg.limits import EngineName
from kdseg.worker.messages import DoneMessage, FailedMessage, Message, ProgressMessage, StartedMessage, decode
from kdseg_testing.threshold_student import write_threshold_student
from kdseg_training.profiling import (
    MemorySource,
    Profile,
    ProfileProgress,
    ProfileRequest,
    StudentSubject,
    SyntheticVolume,
    profile,
)
from kdseg_training.profiling.request import ProfileJob

SMALL = SyntheticVolume((12, 16, 20), (1.0, 1.0, 1.0))


def request(*bundles: Path, **changes: object) -> ProfileRequest:
    values = {"synthetic": SMALL, "repetitions": 2, "threads": (1,), "machine_peak": False, "engine": EngineName.CPU}
    return ProfileRequest(tuple(StudentSubject(str(b)) for b in bundles), **{**values, **changes})


def test_subjects_and_threads_are_interleaved_and_measured(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = write_threshold_student(other, name="other")
    told: list[ProfileProgress] = []
    found = profile(request(bundle, second, threads=(1, 2), machine_peak=True), progress=told.append)
    assert [s.key for s in found.subjects] == ["threshold 1.0.0", "other 1.0.0"]
    for subject in found.subjects:
        assert (subject.patches, subject.passes, subject.parameters) == (2 * 3 * 4, 1, 1)  # 8-voxel patches every 4 voxels
        assert subject.flops_per_volume == 0  # the student only negates and concatenates
        assert [m.threads for m in subject.measurements] == [1, 2]
        for measurement in subject.measurements:
            assert [run.warm_up for run in measurement.runs] == [True, False, False]
            assert measurement.engine == "cpu"
            for run in measurement.runs:
                assert 0 < run.cpu_s < 60
                assert sum(s.wall_s for s in run.stages) <= run.wall_s * 1.01 + 0.01
                assert run.stages[0].stage == "load"
                assert run.memory_source is MemorySource.VMHWM or sys.platform != "linux"
                assert run.peak_rss_bytes >= run.rss_before_bytes > 10 * 1024**2
    order = [t.text for t in told if t.text.startswith("Round 2")]
    assert order[0].endswith("threshold 1.0.0, 2 threads")  # rotated by one
    assert [t.fraction for t in told] == sorted(t.fraction for t in told)
    assert [p.threads for p in found.machine_peaks] == [1, 2]
    assert all(p.gemm_flops_per_s > 1e8 and p.copy_bytes_per_s > 1e7 and p.tries == 3 for p in found.machine_peaks)
    assert found.volume.shape_zyx == SMALL.shape_zyx
    assert Profile.from_json(found.to_json()) == found


def test_a_profile_says_that_sides_were_exchanged(tmp_path: Path) -> None:
    inference = {"configuration": "3d_fullres", "mirroring_axes": None, "tile_step_size": 0.5}
    inference["side_exchange"] = {"axis": 2, "classes": [0, 1]}
    once = {"repetitions": 1, "warm_ups": 0}
    turned = {"reader": "SimpleITKIOWithReorient", "orientation": {"array": "ras", "training_data": "unknown"}}
    asked = request(write_threshold_student(tmp_path, inference=inference, **turned), **once)
    for mirroring, passes in ((True, 2), (False, 1)):
        (subject,) = profile(replace(asked, mirroring=mirroring)).subjects
        assert (subject.mirroring_axes, subject.sides_exchanged, subject.passes) == ((), mirroring, passes)


def test_a_file_of_the_user_is_measured_as_it_is(bundle: Path, tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).normal(size=(9, 10, 11)).astype(np.float32))
    image.SetSpacing((1.0, 1.0, 2.0))
    SimpleITK.WriteImage(image, str(tmp_path / "head.nrrd"))
    found = profile(request(bundle, synthetic=None, volume_paths=(str(tmp_path / "head.nrrd"),), repetitions=1, warm_ups=0))
    assert found.volume.shape_zyx == (9, 10, 11)
    assert found.volume.spacing_mm == (1.0, 1.0, 2.0)
    assert len(found.subjects[0].measurements[0].counted) == 1


def test_a_journal_is_continued_and_belongs_to_its_request(bundle: Path, tmp_path: Path) -> None:
    journal, asked = tmp_path / "journal.json", request(bundle, repetitions=2)
    runs: list[ProfileProgress] = []

    def stop_in_the_second_round() -> bool:
        return any(r.text.startswith("Round 2") for r in runs)

    with pytest.raises(Cancelled):
        profile(asked, journal=journal, progress=runs.append, cancel=stop_in_the_second_round)
    (kept,) = json.loads(journal.read_text())["runs"].values()
    assert len(kept["outcomes"]) == 1
    runs.clear()
    found = profile(asked, journal=journal, progress=runs.append)
    assert not any(r.text.startswith("Round 1") for r in runs)
    assert found.subjects[0].measurements[0].runs[0].wall_s == kept["outcomes"][0]["run"]["wall_s"]
    assert len(found.subjects[0].measurements[0].runs) == 3
    assert profile(asked, journal=journal).subjects == found.subjects  # nothing is left to run
    with pytest.raises(ConfigurationError, match="another profile: request"):
        profile(request(bundle, repetitions=3), journal=journal)


def test_a_damaged_student_is_refused_before_anything_runs(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-1])
    with pytest.raises(BundleIntegrityError):
        profile(request(bundle))


def test_subjects_that_cannot_share_a_volume_are_refused(bundle: Path, tmp_path: Path) -> None:
    two = tmp_path / "two"
    two.mkdir()
    with pytest.raises(ChannelError, match=r"other-1\.0\.0\.kdseg\.zip: 2"):
        profile(request(bundle, write_threshold_student(two, channels=2, name="other")))


def test_plans_without_a_typical_volume_need_one(bundle: Path) -> None:
    with pytest.raises(ConfigurationError, match="how large a typical volume"):
        profile(request(bundle, synthetic=None))


def test_a_subject_that_fails_in_every_run_raises_its_error(bundle: Path) -> None:
    with pytest.raises(KDSegError, match="coreml is not installed"):
        profile(request(bundle, engine=EngineName.COREML))


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def child(job: ProfileJob, folder: Path, repository: Path) -> subprocess.Popen:
    (folder / "request.json").write_text(job.to_json(), encoding="ascii")
    paths = [str(repository / part) for part in ("KDSegmentator", "KDSegmentatorTraining")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "XDG_DATA_HOME": str(folder / "data")}
    environment["TMPDIR"] = str(make(folder / "temporary"))
    command = [sys.executable, "-m", "kdseg_training.profiling", str(folder / "request.json")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def test_the_child_tells_and_keeps_the_profile(bundle: Path, tmp_path: Path, repository: Path) -> None:
    job = ProfileJob(request(bundle, repetitions=1), str(tmp_path / "out.json"))
    assert ProfileJob.from_json(job.to_json()) == job
    with child(job, tmp_path, repository) as process:
        messages: list[Message] = [decode(line) for line in process.stdout]
        assert process.wait(timeout=30) == 0, process.stderr.read().decode()
    assert isinstance(messages[0], StartedMessage)
    assert any(isinstance(m, ProgressMessage) and m.stage.startswith("Round 2 of 2") for m in messages)
    done = messages[-1]
    assert isinstance(done, DoneMessage)
    found = Profile.from_json(Path(done.output).read_bytes())
    assert [point["key"] for point in done.report["points"]] == [s.key for s in found.subjects]
    assert done.report["rows"][0]["wall_s"]["n"] == 1
    assert Path(done.report["kept"]).parent == tmp_path / "data" / "KDSegmentator" / "Profiles"
    assert Profile.from_json(Path(done.report["kept"]).read_bytes()) == found
    assert not list((tmp_path / "temporary").glob("kdseg-*"))


@pytest.mark.parametrize("how", ["cancel", "close", "kill"])
def test_a_child_that_ends_takes_everything_with_it(how: str, bundle: Path, tmp_path: Path, repository: Path) -> None:
    job = ProfileJob(request(bundle, repetitions=10_000), str(tmp_path / "out.json"), keep=False)
    process = child(job, tmp_path, repository)
    with process:
        for line in process.stdout:
            if b"Round 2" in line:
                break
        assert runners(bundle)
        if how == "cancel":
            process.stdin.write(b"cancel\n")
            process.stdin.flush()
            last = [decode(line) for line in process.stdout][-1]
            assert isinstance(last, FailedMessage)
            assert isinstance(last.error, Cancelled)
        elif how == "close":
            process.stdin.close()
        else:
            process.kill()
        code = process.wait(timeout=30)
        assert code == (130 if how != "kill" else -9)
    end = time.monotonic() + 30
    while runners(bundle) and time.monotonic() < end:
        time.sleep(0.1)
    assert runners(bundle) == []
    assert not (tmp_path / "out.json").exists()
    assert how == "kill" or not list((tmp_path / "temporary").glob("kdseg-*"))


def runners(bundle: Path) -> list[str]:
    """Return the commands of running subjects whose settings name this bundle; a settings file that is gone has none."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            except OSError:
                continue
            if "kdseg_training.profiling.student_worker" in words and str(bundle.parent) in _settings(words):
                found.append(" ".join(words))
    return found


def _settings(words: list[str]) -> str:
    path = Path(words[words.index("kdseg_training.profiling.student_worker") + 1])
    return path.read_text() if path.exists() else ""
