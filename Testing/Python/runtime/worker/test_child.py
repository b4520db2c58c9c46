"""The child process as a parent meets it."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from kdseg.errors import BundleIntegrityError, Cancelled, MemoryLimitError, VolumeFileError, WorkerError
from kdseg.worker.messages import DoneMessage, EstimateMessage, FailedMessage, ProgressMessage, StartedMessage
from kdseg_testing.threshold_student import expected_labels

from .conftest import Job, finish, make_job, read_messages

PRINTING = """
import os, sys
import kdseg.pipeline
segment = kdseg.pipeline.segment
def noisy(*words, **options):
    print("a library prints")
    os.write(1, b"straight to the descriptor\\n")
    os.system("echo a program prints")
    return segment(*words, **options)
kdseg.pipeline.segment = noisy
from kdseg.worker.main import main
main(sys.argv[1:])
"""
WITH_PLUGINS = """
import os, sys
os.environ["ITK_AUTOLOAD_PATH"] = "somewhere"
import kdseg.pipeline
segment = kdseg.pipeline.segment
def telling(*words, **options):
    sys.stderr.write(f"plugins: {os.environ.get('ITK_AUTOLOAD_PATH')}\\n")
    return segment(*words, **options)
kdseg.pipeline.segment = telling
from kdseg.worker.main import main
main(sys.argv[1:])
"""
DEAF = """
import sys, time
import kdseg.pipeline
def deaf(*words, progress, **options):
    from kdseg.progress import Progress, Stage
    progress(Progress(Stage.NETWORK, 0.0))
    time.sleep(600)
kdseg.pipeline.segment = deaf
from kdseg.worker.main import main
main(sys.argv[1:])
"""


def wait_for_network(child) -> None:
    for line in child.stdout:
        if b'"network"' in line:
            return
    raise AssertionError(child.stderr.read().decode())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_result_is_the_students_on_the_grid_of_the_volume(job: Job, repository: Path) -> None:
    code, messages = finish(job.start(repository))
    assert code == 0
    assert isinstance(messages[0], StartedMessage)
    done = messages[-1]
    assert isinstance(done, DoneMessage)
    content = job.request.output_path.read_bytes()
    assert (done.output, done.sha256) == (str(job.request.output_path), hashlib.sha256(content).hexdigest())
    image = SimpleITK.ReadImage(done.output)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), expected_labels(job.voxels[None]))
    assert image.GetOrigin() == (5.0, -7.0, 11.0)
    assert done.report["volumes_ml"]["Bright tissue"] == pytest.approx((job.voxels > 0).sum() / 1000, abs=1e-3)
    assert done.report["outputs"][0]["sha256"] == done.sha256
    assert done.report["request"]["student_sha256"] == job.request.student_sha256
    assert list(done.report["stages_seconds"]) == ["read", "preprocess", "network", "resample and arg-max", "write"]


def test_the_bar_fills_once_and_the_estimate_comes_before_the_network(job: Job, repository: Path) -> None:
    _code, messages = finish(job.start(repository))
    shares = [m.overall for m in messages if isinstance(m, ProgressMessage)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    kinds = [type(m) if not isinstance(m, ProgressMessage) else m.stage for m in messages]
    assert kinds.index("read") < kinds.index(EstimateMessage) < kinds.index("network") < kinds.index("write")
    planned = messages[kinds.index(EstimateMessage)]
    tiles = np.prod([-(-(n - 8) // 4) + 1 for n in job.voxels.shape])  # 8-voxel tiles every 4 voxels
    assert (planned.tiles, planned.passes) == (tiles, 1)
    assert planned.peak_bytes > 50 * 1024**2


def test_an_estimate_writes_nothing(job: Job, repository: Path) -> None:
    code, messages = finish(job.change(estimate_only=True).start(repository))
    assert code == 0
    assert any(isinstance(m, EstimateMessage) for m in messages)
    assert messages[-1] == DoneMessage(None, None, {})
    assert not job.request.output_path.exists()


def test_what_libraries_print_does_not_reach_the_pipe(job: Job, repository: Path) -> None:
    child = job.start(repository, ["-c", PRINTING])
    with child:
        messages = read_messages(child)  # every line is a message
        printed = child.stderr.read().decode()
    assert isinstance(messages[-1], DoneMessage)
    for text in ("a library prints", "straight to the descriptor", "a program prints"):
        assert text in printed


def test_slicers_plugins_for_itk_are_not_loaded(job: Job, repository: Path) -> None:
    child = job.start(repository, ["-c", WITH_PLUGINS])
    with child:
        messages = read_messages(child)
        told = child.stderr.read().decode()
    assert isinstance(messages[-1], DoneMessage)
    assert "plugins: None" in told


@pytest.mark.parametrize("name", ["kdseg-job-Ünïcödé 影像", "kdseg-job-" + "x" * 120 + " with spaces"])
def test_names_of_folders_do_not_matter(tmp_path: Path, repository: Path, name: str) -> None:
    job = make_job(tmp_path / name / "inner folder")
    code, messages = finish(job.start(repository))
    assert code == 0
    image = SimpleITK.ReadImage(messages[-1].output)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), expected_labels(job.voxels[None]))


def test_only_chosen_structures_are_in_the_file_and_in_the_report(job: Job, repository: Path) -> None:
    code, messages = finish(job.change(structures=(1,)).start(repository))
    assert code == 0
    assert list(messages[-1].report["volumes_ml"]) == ["Bright tissue"]
    code, messages = finish(job.change(structures=(2,)).start(repository))
    assert code == 4
    assert messages[-1].error.found == "2"


def failing(job: Job, repository: Path, kind: type) -> FailedMessage:
    code, messages = finish(job.start(repository))
    failed = messages[-1]
    assert isinstance(failed, FailedMessage)
    assert type(failed.error) is kind
    assert code == failed.error.exit_code == kind.exit_code
    assert not job.request.output_path.exists()
    return failed


def test_a_damaged_volume_is_told_as_what_it_is(job: Job, repository: Path) -> None:
    volume = job.request.volume_paths[0]
    volume.write_bytes(volume.read_bytes()[:-100])
    failed = failing(job, repository, VolumeFileError)
    assert failed.error.path == str(volume)
    assert "Traceback" in failed.details


def test_a_changed_student_is_refused(job: Job, repository: Path) -> None:
    failing(job.change(student_sha256="0" * 64), repository, BundleIntegrityError)


def test_too_little_memory_is_refused_with_both_numbers(job: Job, repository: Path) -> None:
    error = failing(job.change(memory_bytes=50 * 1024**2), repository, MemoryLimitError).error
    assert error.limit_bytes == 50 * 1024**2 < error.estimate_bytes


def test_an_unreadable_request_is_told(job: Job, repository: Path) -> None:
    child = job.start(repository)
    job.file.write_text("{}", encoding="ascii")
    code, messages = finish(child)
    assert (code, type(messages[-1].error)) == (WorkerError.exit_code, WorkerError)


def test_cancel_ends_the_run_within_a_second_and_leaves_no_file(long_job: Job, repository: Path) -> None:
    before = set(long_job.folder.iterdir())
    child = long_job.start(repository)
    wait_for_network(child)
    began = time.monotonic()
    child.stdin.write(b"cancel\n")
    child.stdin.flush()
    code, messages = finish(child)
    assert time.monotonic() - began < 1.0
    assert (code, type(messages[-1].error)) == (Cancelled.exit_code, Cancelled)
    assert set(long_job.folder.iterdir()) == before | {long_job.file}


@pytest.mark.parametrize("dying", [False, True], ids=["cancel", "parent died"])
def test_a_busy_network_does_not_keep_the_process_alive(job: Job, repository: Path, dying: bool) -> None:
    child = job.start(repository, ["-c", DEAF])
    wait_for_network(child)
    began = time.monotonic()
    if not dying:
        child.stdin.write(b"cancel\n")
        child.stdin.flush()
        child.stdout.read()
    else:
        child.stdin.close()
        child.stdout.close()
    assert child.wait(timeout=10) == Cancelled.exit_code
    assert time.monotonic() - began < 2.0
    assert job.folder.exists() is not dying
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()


def test_the_childs_folder_goes_with_its_parent(long_job: Job, repository: Path) -> None:
    child = long_job.start(repository)
    wait_for_network(child)
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()
    assert child.wait(timeout=10) == Cancelled.exit_code
    assert not long_job.folder.exists()


def test_a_folder_that_is_not_the_jobs_own_stays(tmp_path: Path, repository: Path) -> None:
    job = make_job(tmp_path / "scans", (96, 96, 96))
    child = job.start(repository)
    wait_for_network(child)
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()
    child.wait(timeout=10)
    assert job.file.exists()


def test_a_killed_child_leaves_no_result(long_job: Job, repository: Path) -> None:
    child = long_job.start(repository)
    wait_for_network(child)
    child.send_signal(signal.SIGKILL)
    code, messages = finish(child)
    assert code == -signal.SIGKILL
    assert not any(isinstance(m, (DoneMessage, FailedMessage)) for m in messages)
    assert not long_job.request.output_path.exists()
    assert gone(child.pid)


def test_the_child_leads_its_own_process_group(long_job: Job, repository: Path) -> None:
    child = long_job.start(repository)
    wait_for_network(child)
    assert os.getpgid(child.pid) == child.pid
    os.killpg(child.pid, signal.SIGKILL)
    assert finish(child)[0] == -signal.SIGKILL


def test_a_run_without_a_request_is_a_usage_error(repository: Path) -> None:
    import subprocess

    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
    command = [sys.executable, "-m", "kdseg.worker"]
    result = subprocess.run(command, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 2
    assert b"usage" in result.stderr
    assert result.stdout == b""


def test_an_earlier_result_stays_when_a_run_fails(job: Job, repository: Path) -> None:
    job.request.output_path.write_bytes(b"earlier")
    code, _messages = finish(Job(job.folder, replace(job.request, structures=(9,)), job.voxels).start(repository))
    assert code == 4
    assert job.request.output_path.read_bytes() == b"earlier"
