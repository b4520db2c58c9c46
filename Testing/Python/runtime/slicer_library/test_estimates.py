"""The estimate before a run, against the child's own, and times only from runs that happened."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdseg.bundle import load_student
from kdseg.errors import ChannelError, OutputError
from kdseg.geometry import Geometry
from kdseg.job import Job
from kdseg.limits import EngineName, Limits, Options
from kdseg.memory import plan_run
from kdseg.preprocessing.preprocessor import place
from kdseg.volume import Volume
from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorLib.estimates import CHILD_BYTES, engine_that_runs, estimate_run, latency_sentence
from KDSegmentatorLib.rates import KEPT_RUNS, RateBook
from KDSegmentatorLib.students import InstalledStudent, StudentLibrary

GRID = Geometry((20, 24, 28), (1.0, 1.0, 1.0))


@pytest.fixture
def student(tmp_path: Path) -> InstalledStudent:
    (tmp_path / "students").mkdir()
    write_threshold_student(tmp_path / "students")
    return StudentLibrary(tmp_path / "students", tmp_path / "user").students()[0]


def report(*, network=6.0, rest=2.0, threads=2, engine="cpu", patches=30, sha256="aa") -> dict:
    return {
        "stages_seconds": {"read": rest / 2, "network": network, "write": rest / 2},
        "settings": {"patches": patches, "passes_per_patch": 2},
        "engine": {"name": engine, "threads": threads},
        "input": {"shape_zyx": [100, 100, 100]},
        "inputs": [{}],
        "request": {"student_sha256": sha256},
    }


def test_it_is_what_the_child_will_estimate(student: InstalledStudent) -> None:
    voxels = np.zeros((1, *GRID.shape), dtype=np.int16)
    voxels[:, 4:16, 2:20, 3:27] = 7
    limits = Limits(2)
    loaded = load_student(student.path)
    placement = place(Volume(voxels, GRID), loaded.plan)
    expected = plan_run(Job(loaded, limits), placement, loaded_bytes=CHILD_BYTES + voxels.nbytes)
    found = estimate_run(student, GRID, limits=limits, voxels=voxels)
    assert (found.peak_bytes, found.tiles, found.passes) == (expected.peak_bytes, expected.tiles, expected.passes)
    assert found.fits
    assert found.seconds is None


def test_without_voxels_it_is_for_the_whole_grid(student: InstalledStudent) -> None:
    box = np.zeros((1, *GRID.shape), dtype=np.int16)
    box[:, 4:12, 4:12, 4:12] = 7
    whole = estimate_run(student, GRID)
    assert whole.tiles == 4 * 5 * 6  # 8-voxel tiles every 4 voxels
    assert estimate_run(student, GRID, voxels=box).tiles == 1


def test_what_does_not_fit_tells_the_leanest_need(student: InstalledStudent) -> None:
    found = estimate_run(student, GRID, limits=Limits(1, CHILD_BYTES))
    assert not found.fits
    assert found.peak_bytes > CHILD_BYTES
    assert (found.tiles, found.seconds) == (0, None)


def test_wrong_channels_are_refused(student: InstalledStudent) -> None:
    with pytest.raises(ChannelError):
        estimate_run(student, GRID, voxels=np.ones((2, *GRID.shape), dtype=np.int16))


def test_a_time_follows_from_a_run_by_hand(student: InstalledStudent, tmp_path: Path) -> None:
    book = RateBook(tmp_path / "new folder" / "rates.json")
    assert estimate_run(student, GRID, limits=Limits(2), rates=book).seconds is None
    # 60 passes in 6 s, 2 s for one million voxels, and 9 s in all: 1 s to start
    book.remember(report(sha256=student.sha256), wall_seconds=9.0)
    found = estimate_run(student, GRID, limits=Limits(2), options=Options(engine=EngineName.CPU), rates=book)
    voxels = 20 * 24 * 28
    assert found.seconds == pytest.approx(1.0 + 120 * 0.1 + voxels / 1e6 * 2.0)


@pytest.mark.parametrize(
    ("threads", "engine", "sha256"), [(3, EngineName.CPU, "aa"), (2, EngineName.OPENVINO, "aa"), (2, EngineName.CPU, "bb")]
)
def test_another_run_says_nothing(tmp_path: Path, threads: int, engine: EngineName, sha256: str) -> None:
    from KDSegmentatorLib.rates import RunSize

    book = RateBook(tmp_path / "rates.json")
    book.remember(report())
    assert book.seconds("aa", EngineName.CPU, 2, RunSize(60, 1_000_000)) == pytest.approx(8.0)
    assert book.seconds(sha256, engine, threads, RunSize(60, 1_000_000)) is None


def test_the_median_of_the_last_runs_counts(tmp_path: Path) -> None:
    from KDSegmentatorLib.rates import RunSize

    book = RateBook(tmp_path / "rates.json")
    for network in (600.0, 600.0, 600.0, 6.0, 6.0, 6.0, 60.0, 6.0):
        book.remember(report(network=network, rest=0.0))
    assert KEPT_RUNS == 5
    assert book.seconds("aa", EngineName.CPU, 2, RunSize(60, 0)) == pytest.approx(6.0)
    assert RateBook(tmp_path / "rates.json").seconds("aa", EngineName.CPU, 2, RunSize(120, 0)) == pytest.approx(12.0)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "kdseg-rates/1", "runs": 3}', '{"schema": "other", "runs": {}}'])
def test_a_damaged_book_is_empty_and_is_written_anew(tmp_path: Path, content: str) -> None:
    from KDSegmentatorLib.rates import RunSize

    path = tmp_path / "rates.json"
    path.write_text(content)
    book = RateBook(path)
    assert book.seconds("aa", EngineName.CPU, 2, RunSize(60, 0)) is None
    book.remember(report())
    assert book.seconds("aa", EngineName.CPU, 2, RunSize(60, 0)) is not None


def test_impossible_numbers_in_the_book_are_left_out(tmp_path: Path) -> None:
    from KDSegmentatorLib.rates import RunSize

    path = tmp_path / "rates.json"
    RateBook(path).remember(report())
    data = json.loads(path.read_text())
    for runs in data["runs"].values():
        runs[0]["seconds_per_pass"] = -1
    path.write_text(json.dumps(data))
    assert RateBook(path).seconds("aa", EngineName.CPU, 2, RunSize(60, 0)) is None


def test_a_book_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        RateBook(tmp_path / "file" / "rates.json").remember(report())


def test_auto_means_openvino_where_it_is_installed() -> None:
    assert engine_that_runs(EngineName.AUTO, ["onnxruntime-openvino"]) is EngineName.OPENVINO
    assert engine_that_runs(EngineName.AUTO, ["onnxruntime"]) is EngineName.CPU
    assert engine_that_runs(EngineName.CUDA, ["onnxruntime-openvino"]) is EngineName.CUDA


def test_the_bundles_own_latency_is_told_with_its_computer(student: InstalledStudent) -> None:
    assert latency_sentence(student) == ""
    measured = {"median_s": 12.345, "task": "a head", "hardware": "a laptop", "engine": "openvino", "threads": 4, "n": 20}
    student.document["latency"] = [measured]
    assert latency_sentence(student) == "12.3 s for a head on a laptop (openvino, 4 threads)"
