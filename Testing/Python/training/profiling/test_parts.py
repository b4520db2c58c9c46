"""The parts of a profile that need no process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from kdseg.errors import Cancelled, ConfigurationError
from kdseg_training.profiling import ProfileRequest, StudentSubject, SyntheticVolume
from kdseg_training.profiling import __main__ as child
from kdseg_training.profiling.fingerprint import cpu_instructions, fingerprint
from kdseg_training.profiling.lanes import Lane, next_lanes
from kdseg_training.profiling.load import CpuTimes, LoadWatch, cpu_times, parse_proc_stat
from kdseg_training.profiling.matrix_product import matrix_product_model
from kdseg_training.profiling.memory_tree import descendants, tree_bytes
from kdseg_training.profiling.request import ProfileJob
from kdseg_training.profiling.volumes import synthetic_voxels, typical_volume

STUDENT = (StudentSubject("a.kdseg.zip"),)


def test_orders_rotate_so_that_everyone_follows_everyone() -> None:
    lanes = [Lane(i, 1, False) for i in range(3)]
    orders = [[lane.subject for lane in next_lanes(lanes, number)] for number in range(4)]
    assert orders == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_the_matrix_product_is_a_valid_network_that_multiplies() -> None:
    import onnxruntime

    data = matrix_product_model(300)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    a, b = np.random.default_rng(0).normal(size=(2, 300, 300)).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"a": a, "b": b})[0], a @ b, rtol=1e-3, atol=1e-3)


def test_proc_stat_is_read_in_seconds() -> None:
    times = parse_proc_stat("cpu  100 20 30 4000 50 6 7 8 0 0", 100)
    assert times.busy_s == pytest.approx(1.63)
    assert times.stolen_s == pytest.approx(0.08)
    with pytest.raises(ValueError, match="first line"):
        parse_proc_stat("intr 1 2 3", 100)


def test_load_is_what_others_did() -> None:
    load = LoadWatch(0.3, CpuTimes(100.0, 1.0)).between(CpuTimes(116.0, 3.0), wall_s=10.0, own_cpu_s=12.0)
    assert (load.load_average, load.other_cpus, load.stolen_cpus) == (0.3, 0.4, 0.2)
    unknown = LoadWatch(None, None).between(None, 10.0, 12.0)
    assert (unknown.other_cpus, unknown.stolen_cpus) == (None, None)


def test_cpu_times_grow_with_work() -> None:
    before = cpu_times()
    spent = sum(range(3_000_000))
    after = cpu_times()
    assert spent > 0
    assert before is not None
    assert after is not None
    assert after.busy_s >= before.busy_s


def test_memory_of_a_tree_holds_that_of_its_workers() -> None:
    work = "import sys; data = bytearray(b'x') * 50_000_000; sys.stdout.write('r'); sys.stdout.flush(); sys.stdin.read()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.read(1) == b"r"
        started = descendants(process.pid)
        total = tree_bytes(process.pid)
        process.stdin.close()
    assert len(started) == 1
    assert 50_000_000 < total < 200_000_000
    assert process.pid in descendants(os.getpid()) or process.poll() is not None


def test_instructions_are_those_of_the_cpu() -> None:
    assert cpu_instructions("processor : 0\nflags\t\t: fpu avx2 sse4_2 fma\n") == ["sse4_2", "avx2", "fma"]
    assert cpu_instructions("Features : fp asimd sve\n") == ["asimd", "sve"]
    assert cpu_instructions("") == []
    assert fingerprint()["cpus_available"] >= 1


def test_the_typical_volume_is_in_the_axes_of_the_file() -> None:
    plans = {
        "original_median_shape_after_transp": [30, 10, 20.6],
        "original_median_spacing_after_transp": [3.0, 1.0, 2.0],
        "transpose_backward": [1, 2, 0],
    }
    assert typical_volume(plans) == SyntheticVolume((10, 21, 30), (3.0, 2.0, 1.0))
    assert typical_volume({}) is None
    assert typical_volume({**plans, "original_median_shape_after_transp": [30, -1, 20]}) is None


def test_synthetic_voxels_have_no_border_of_zeros_and_repeat() -> None:
    voxels = synthetic_voxels((6, 7, 8), 0)
    assert voxels.shape == (6, 7, 8)
    assert voxels.min() >= 1
    np.testing.assert_array_equal(voxels, synthetic_voxels((6, 7, 8), 0))


@pytest.mark.parametrize(
    "changes",
    [
        {"students": ()},
        {"repetitions": 0},
        {"warm_ups": -1},
        {"threads": ()},
        {"threads": (2, 2)},
        {"threads": (0,)},
        {"tile_step_size": 1.5},
        {"volume_paths": ("a.nii",), "synthetic": SyntheticVolume((1, 1, 1), (1.0, 1.0, 1.0))},
    ],
)
def test_requests_that_cannot_be_carried_out_do_not_exist(changes: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        ProfileRequest(**{"students": STUDENT, **changes})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kdseg-profile-job/1", "kdseg-profile-job/2"),
        ('"repetitions": 5', '"repetitions": 0'),
        ('"repetitions": 5', '"repetitions": "5"'),
        ('"mirroring"', '"miroring"'),
        ("/out.json", "out.json"),
        ('"engine": "auto"', '"engine": "magic"'),
    ],
)
def test_a_job_that_is_not_valid_is_refused(old: str, new: str) -> None:
    text = ProfileJob(ProfileRequest(STUDENT), str(Path("/out.json").absolute())).to_json()
    assert old in text
    with pytest.raises(ConfigurationError):
        ProfileJob.from_json(text.replace(old, new))


def test_a_job_needs_only_what_has_no_default(tmp_path: Path) -> None:
    text = '{"schema": "kdseg-profile-job/1", "request": {"students": [{"path": "a"}]}, "output": "%s"}' % (tmp_path / "p.json")
    job = ProfileJob.from_json(text)
    assert job.request.students == (StudentSubject("a"),)
    assert job.keep


@pytest.mark.parametrize(
    ("folder", "inside", "gone"), [("kdseg-job-1", True, True), ("kdseg-job-1", False, False), ("mine", True, False)]
)
def test_a_child_that_nobody_waits_for_leaves_no_volume_of_a_patient(tmp_path, monkeypatch, folder, inside, gone) -> None:
    def cancelled(*_arguments, **_named):
        raise Cancelled("The parent is gone.")

    monkeypatch.setattr(child, "profile", cancelled)
    private = tmp_path / folder
    private.mkdir()
    (private / "volume.nrrd").write_bytes(b"a patient")
    output = (private if inside else tmp_path) / "profile.json"
    job = ProfileJob(ProfileRequest(STUDENT), str(output))
    (private / "request.json").write_text(job.to_json())
    task = child.ProfileTask(private / "request.json")
    with pytest.raises(Cancelled):
        task.carry_out(None, lambda: False, lambda: True)
    task.clean_up(failed=True, orphaned=False)
    assert (private / "volume.nrrd").exists()
    task.clean_up(failed=True, orphaned=True)
    assert private.exists() is not gone
