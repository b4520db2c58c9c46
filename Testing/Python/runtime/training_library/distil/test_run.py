"""A run that outlives who started it: found again, stopped, ended, continued; and never taken for another process."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kdseg
import KDSegmentatorTrainingLib
from kdseg.errors import ConfigurationError, OutputError, WorkerError
from KDSegmentatorTrainingLib.distil import detached, process_identity
from KDSegmentatorTrainingLib.distil.folder import (
    CONFIGURATION,
    ENDED,
    LOG,
    PROGRESS,
    STATE,
    STOP,
    RunFolder,
    RunState,
    StudentFolder,
)
from KDSegmentatorTrainingLib.distil.run import DistilRun, RunPhase

SLICER = """
import json, os, sys
from pathlib import Path
from KDSegmentatorTrainingLib.distil.run import DistilRun
run = DistilRun(Path(sys.argv[1]))
run.folder.make()
run.folder.file("distil.yaml").write_text("{}")
run.start(sys.executable, {"epochs": 5}, (), mode="new", environment=json.loads(sys.argv[2]))
os._exit(0)  # Slicer is closed, or crashes
"""


def until_told(run: DistilRun, wait_until) -> None:
    wait_until(lambda: run.folder.progress().state)


def test_a_run_survives_the_end_of_who_started_it_and_is_found_again(tmp_path: Path, environment, wait_until) -> None:
    folders = [str(Path(package.__file__).resolve().parents[1]) for package in (kdseg, KDSegmentatorTrainingLib)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-c", SLICER, str(tmp_path / "run"), json.dumps(environment)]
    subprocess.run(command, check=True, env=variables, start_new_session=True)
    run = DistilRun(tmp_path / "run")
    until_told(run, wait_until)
    assert run.phase() is RunPhase.RUNNING
    state = run.folder.state()
    assert state is not None
    assert (state.settings, state.python) == ({"epochs": 5}, sys.executable)
    assert os.getsid(state.pid) == state.pid  # a session of its own: neither a closed terminal nor Slicer's end reaches it
    progress = run.folder.progress()
    assert (progress.step, progress.steps, progress.seconds_left, progress.losses) == (3, 6, 7.5, {"half_A": 0.5})
    run.request_stop()
    wait_until(lambda: run.phase() is RunPhase.STOPPED)
    wait_until(lambda: process_identity.started_at(state.pid) is None)


def test_what_a_run_is_told(start, wait_until) -> None:
    run = start(mode="resume")
    until_told(run, wait_until)
    log = wait_until(lambda: len(run.folder.log_tail().splitlines()) >= 2 and run.folder.log_tail())
    arguments, variables = (json.loads(line.partition(" ")[2]) for line in log.splitlines())
    file = run.folder.file
    assert arguments[:3] == ["distill", str(file(CONFIGURATION)), "--resume"]
    assert arguments[3:] == ["--progress", str(file(PROGRESS)), "--stop-file", str(file(STOP))]
    assert variables["PYTHONHOME"] is None


def test_stopping_is_seen_until_it_is_done(start, wait_until) -> None:
    run = start()
    assert run.phase() is RunPhase.RUNNING
    until_told(run, wait_until)
    with pytest.raises(WorkerError, match="running already"):
        start()
    run.request_stop()
    assert run.phase() in (RunPhase.STOPPING, RunPhase.STOPPED)
    wait_until(lambda: run.phase() is RunPhase.STOPPED)
    again = start(mode="resume")
    assert not again.folder.file(STOP).exists()
    until_told(again, wait_until)
    assert again.phase() is RunPhase.RUNNING


def test_a_run_that_the_user_ends_is_no_failure(start, wait_until) -> None:
    run = start()
    until_told(run, wait_until)
    run.kill()
    wait_until(lambda: run.phase() is RunPhase.ENDED)
    again = start(mode="resume")
    until_told(again, wait_until)
    assert again.phase() is RunPhase.RUNNING
    assert not again.folder.file(ENDED).exists()


def test_a_run_whose_state_cannot_be_written_does_not_go_on_unseen(start, wait_until, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []

    def refuse(self, state: RunState) -> None:
        launched.append(state)
        raise OutputError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_state", refuse)
        with pytest.raises(OutputError):
            start()
    wait_until(lambda: process_identity.started_at(launched[0].pid) is None)
    assert launched[0].started


def test_a_run_that_the_system_ends_has_failed_and_says_what_that_may_be(start, wait_until) -> None:
    run = start()
    until_told(run, wait_until)
    os.killpg(run.folder.state().pid, signal.SIGKILL)
    wait_until(lambda: run.phase() is RunPhase.FAILED)
    assert "without saying why" in run.error().problem
    assert "last checkpoint counts" in run.error().remedy


@pytest.mark.parametrize(
    ("behaviour", "phase", "words"),
    [
        ("end", RunPhase.DONE, ""),
        ("fail", RunPhase.FAILED, "The data set is empty. What to do: Fill it."),
        ("crash", RunPhase.FAILED, "Found: Segmentation fault."),
    ],
)
def test_how_runs_end(start, wait_until, behaviour: str, phase: RunPhase, words: str) -> None:
    run = start(behaviour=behaviour)
    wait_until(lambda: run.phase() is phase)
    if words:
        assert words in str(run.error())


def test_a_python_that_is_not_there_is_told(start, tmp_path: Path) -> None:
    run = DistilRun(tmp_path / "run")
    run.folder.make()
    with pytest.raises(WorkerError, match="could not be started"):
        run.start(str(tmp_path / "no-python"), {}, (), mode="new", environment=dict(os.environ))
    assert run.phase() is RunPhase.NEW


def test_another_process_with_the_same_number_is_not_taken_for_the_run(start, wait_until) -> None:
    run = start(behaviour="crash")
    wait_until(lambda: run.phase() is RunPhase.FAILED)
    state = run.folder.state()
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert process_identity.started_at(alive.pid)
        run.folder.write_state(dataclasses.replace(state, pid=alive.pid))
        assert run.phase() is RunPhase.FAILED
        run.kill()  # must not touch the other one
        time.sleep(0.1)
        assert alive.poll() is None
        run.folder.write_state(dataclasses.replace(state, pid=alive.pid, started=process_identity.started_at(alive.pid)))
        assert run.phase() is RunPhase.RUNNING
    finally:
        alive.communicate(b"\n")


def test_the_start_of_a_process_does_not_change_and_ends_with_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = process_identity.started_at(child.pid)
    assert first
    assert process_identity.started_at(child.pid) == first
    assert process_identity.is_running(child.pid, first)
    assert not process_identity.is_running(child.pid, "")
    child.stdin.close()
    limit = time.monotonic() + 10
    while process_identity.is_running(child.pid, first):  # ended, though nobody has waited for it
        assert time.monotonic() < limit
    child.wait()
    assert process_identity.started_at(child.pid) is None
    assert process_identity.started_at(0) is None


@pytest.mark.parametrize(
    ("printed", "started"),
    [
        ("Ss   Sun Nov 22 05:20:00 2026    \n", "Sun Nov 22 05:20:00 2026"),
        ("Z+   Sun Nov 22 05:20:00 2026\n", None),
        ("", None),
    ],
)
def test_the_start_of_a_process_on_macos(monkeypatch: pytest.MonkeyPatch, printed: str, started) -> None:
    def run(command, **_):
        assert command == ["/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", "12"]
        return subprocess.CompletedProcess(command, 0, printed, "")

    monkeypatch.setattr(process_identity.subprocess, "run", run)
    assert process_identity._on_macos(12) == started


class Kernel:
    """What of Windows' kernel is asked: process 12 runs since 77, process 13 has ended, no other is there."""

    class Function:
        def __init__(self, call) -> None:
            self.call, self.restype = call, None

        def __call__(self, *arguments):
            return self.call(*arguments)

    def __init__(self) -> None:
        self.open = 0
        self.OpenProcess = self.Function(self._open)
        self.GetProcessTimes = self.Function(self._times)
        self.GetExitCodeProcess = self.Function(self._code)
        self.CloseHandle = self.Function(self._close)

    def _open(self, rights: int, inherit: bool, pid: int):
        assert (rights, inherit) == (0x1000, False)
        self.open += pid in (12, 13)
        return pid if pid in (12, 13) else None

    def _times(self, handle, created, *others) -> int:
        assert len(others) == 3
        created._obj.value = 77
        return 1

    def _code(self, handle, code) -> int:
        code._obj.value = 259 if handle.value == 12 else 0
        return 1

    def _close(self, handle) -> int:
        self.open -= 1
        return 1


def test_the_start_of_a_process_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(process_identity.ctypes, "WinDLL", lambda name, **_: kernel, raising=False)
    assert [process_identity._on_windows(pid) for pid in (12, 13, 14)] == ["77", None, None]
    assert kernel.open == 0


@pytest.mark.parametrize("job_lets_out", [True, False])
def test_on_windows_the_process_leaves_slicers_job_if_it_may(monkeypatch: pytest.MonkeyPatch, job_lets_out: bool) -> None:
    asked = []

    def popen(command, *, creationflags: int, **options):
        asked.append(creationflags)
        if creationflags & 0x1000000 and not job_lets_out:
            raise PermissionError(5, "Access is denied")
        assert options["stdin"] == subprocess.DEVNULL
        return command

    monkeypatch.setattr(detached.sys, "platform", "win32")
    monkeypatch.setattr(detached.subprocess, "Popen", popen)
    assert detached.start_detached(["python"], Path(), {}, None) == ["python"]
    assert asked == [0x9000200] if job_lets_out else [0x9000200, 0x8000200]


def test_a_run_of_another_computer_is_told_apart(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_state(RunState(os.getpid(), "another boot:12", "python", {}, (), "another-computer"))
    assert DistilRun(tmp_path).phase() is RunPhase.ELSEWHERE
    for told, phase in (("done", RunPhase.DONE), ("stopped", RunPhase.STOPPED), ("failed", RunPhase.FAILED)):
        folder.file(PROGRESS).write_text(json.dumps({"state": told}))
        assert DistilRun(tmp_path).phase() is phase


def test_a_computer_that_was_given_another_name_knows_its_run(start, wait_until) -> None:
    run = start()
    until_told(run, wait_until)
    run.folder.write_state(dataclasses.replace(run.folder.state(), host="its-name-of-yesterday"))
    assert run.phase() is RunPhase.RUNNING
    run.kill()
    wait_until(lambda: run.phase() is RunPhase.ELSEWHERE)


def test_the_start_of_a_process_is_the_kernels_time() -> None:
    """In ticks since the computer was started, whose time the kernel tells as well."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = int(process_identity.started_at(child.pid).rpartition(":")[2])
    booted = int(next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")).split()[1])
    assert abs(booted + ticks / os.sysconf("SC_CLK_TCK") - time.time()) < 5
    child.communicate(b"\n")


def test_a_state_is_read_back_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    students = (StudentFolder("half_A", "/m", "/m/fold_0", 7),)
    state = RunState(12, "then", "python", {"widths": [2]}, students)
    folder.write_state(state)
    assert folder.state() == state
    folder.file(STATE).write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        folder.state()
    folder.file(STATE).write_text('{"schema": "kdseg-run/9"}')
    with pytest.raises(ConfigurationError, match="kdseg-run/9"):
        folder.state()


def test_only_new_empty_and_own_folders_are_used(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new").require_own()
    RunFolder(tmp_path).require_own()
    for name in (".DS_Store", CONFIGURATION, LOG):  # of a run that could not be started
        (tmp_path / name).touch()
    RunFolder(tmp_path).require_own()
    (tmp_path / "thesis.txt").touch()
    for path in (tmp_path, tmp_path / "thesis.txt", Path("relative"), Path()):
        with pytest.raises(ConfigurationError):
            RunFolder(path).require_own()
    (tmp_path / STATE).write_text("{}")
    RunFolder(tmp_path).require_own()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"losses": 1}', '{"step": "x"}'])
def test_a_damaged_progress_file_tells_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / PROGRESS).write_text(content)
    assert RunFolder(tmp_path).progress().step == 0


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("a" * 100_000 + "\nlast")
    tail = RunFolder(tmp_path).log_tail()
    assert tail.endswith("last")
    assert len(tail) < 20_000
