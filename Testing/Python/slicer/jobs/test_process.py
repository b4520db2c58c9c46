"""The child process under Qt: results, refusals, cancel, crashes and liars."""

from __future__ import annotations

import gc
import os
import signal
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import qt

from kdseg.errors import BundleError, WorkerError
from KDSegmentatorLib.jobs.messages import EstimateMessage, ProgressMessage, StartedMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped, Succeeded
from KDSegmentatorLib.jobs.running import jobs_are_running

from .conftest import is_alive

DONE = """
path = pathlib.Path(request["output_path"])
path.write_bytes(b"labels")
digest = hashlib.sha256(b"labels").hexdigest()
done = {"event": "done", "output": str(path), "sha256": digest, "report": {}}
"""
STARTED = 'print(json.dumps({"event": "started", "protocol": 1, "pid": os.getpid(), "versions": {}}), flush=True)\n'


def later(milliseconds: int, call) -> None:
    qt.QTimer.singleShot(milliseconds, call)


def cancel_in_the_network(job, process) -> None:
    """Cancel as soon as the network computes."""

    def watch(message) -> None:
        job.events.append(message)
        if isinstance(message, ProgressMessage) and message.stage == "network" and message.fraction > 0:
            process.cancel()

    process._on_event = watch


def nothing_is_left(job) -> None:
    assert not job.folder.path.exists()
    assert not jobs_are_running()
    for message in job.events:
        if isinstance(message, StartedMessage):
            assert not is_alive(message.pid)


def test_a_result_is_taken_and_the_folder_goes(make_job) -> None:
    job = make_job()
    process = job.process()
    process.start()
    assert process.running
    assert job.events == []  # everything comes from the event loop
    outcome = process.wait()
    assert isinstance(outcome, Succeeded)
    assert job.outcomes == [outcome]
    np.testing.assert_array_equal(job.taken[0], (job.voxels > 0).astype(np.uint8))
    assert isinstance(job.events[0], StartedMessage)
    assert any(isinstance(e, EstimateMessage) for e in job.events)
    assert not process.running
    nothing_is_left(job)


def test_qt_stays_alive_while_a_job_runs(make_job) -> None:
    job, ticks = make_job(long=True), []
    timer = qt.QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    process = job.process()
    process.start()
    cancel_in_the_network(job, process)
    process.wait()
    timer.stop()
    assert len(ticks) > 10


def test_a_job_lives_though_nobody_holds_on_to_it(make_job) -> None:
    job, loop = make_job(), qt.QEventLoop()
    job.process().start()
    gc.collect()
    waiting = qt.QTimer()
    waiting.timeout.connect(lambda: loop.quit() if job.outcomes else None)
    waiting.start(20)
    loop.exec_()
    waiting.stop()
    assert isinstance(job.outcomes[0], Succeeded)


@pytest.mark.parametrize("name", ["Übung 影像 mit Leerzeichen", "x" * 150])
def test_names_of_folders_do_not_matter(make_job, tmp_path: Path, name: str) -> None:
    job = make_job(parent=tmp_path / name)
    process = job.process()
    process.start()
    assert isinstance(process.wait(), Succeeded)
    nothing_is_left(job)


def test_cancel_in_the_network_ends_within_a_second(make_job) -> None:
    job = make_job(long=True)
    process = job.process()
    process.start()
    cancel_in_the_network(job, process)
    asked = []
    cancel = process.cancel
    process.cancel = lambda: (asked.append(time.monotonic()), cancel())
    assert process.wait() == Stopped()
    assert time.monotonic() - asked[0] < 1.0
    assert job.taken == [None]
    nothing_is_left(job)


@pytest.mark.parametrize("delay_ms", [0, 1, 50, 200])
def test_cancel_while_it_starts(make_job, delay_ms: int) -> None:
    job = make_job(long=True)
    process = job.process()
    process.start()
    later(delay_ms, process.cancel)
    later(delay_ms + 1, process.cancel)
    assert process.wait() == Stopped()
    nothing_is_left(job)


def test_cancel_at_once(make_job) -> None:
    job = make_job()
    process = job.process()
    process.start()
    process.cancel()
    assert process.wait() == Stopped()
    nothing_is_left(job)


def test_a_deaf_child_is_ended_with_everything_it_started(make_job, impostor, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("KDSegmentatorLib.jobs.child_process.GRACE_S", 0.3)
    pids = tmp_path / "pids"
    body = f"""
os.setsid()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(pids)!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
{STARTED}
time.sleep(600)
"""
    job = make_job()
    process = job.process(impostor(body))
    process.start()
    process._on_event = lambda message: (job.events.append(message), process.cancel())
    assert process.wait() == Stopped()
    killed = [int(pid) for pid in pids.read_text().split()]
    deadline = time.monotonic() + 10
    while any(map(is_alive, killed)) and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel delivers a kill when the process runs next
    assert [is_alive(pid) for pid in killed] == [False, False]
    nothing_is_left(job)


def test_a_launcher_in_front_does_not_hide_the_child(make_job, impostor) -> None:
    job = make_job(long=True)
    process = job.process(impostor("sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"))
    process.start()
    cancel_in_the_network(job, process)
    assert process.wait() == Stopped()
    nothing_is_left(job)


def test_a_killed_child_is_a_failure_that_says_so(make_job) -> None:
    job = make_job(long=True)
    process = job.process()
    process.start()

    def kill(message) -> None:
        job.events.append(message)
        if isinstance(message, ProgressMessage) and message.stage == "network":
            process._on_event = job.events.append
            os.kill(next(e.pid for e in job.events if isinstance(e, StartedMessage)), signal.SIGKILL)

    process._on_event = kill
    outcome = process.wait()
    assert isinstance(outcome, Failed)
    assert type(outcome.error) is WorkerError
    assert "operating system" in outcome.error.found
    nothing_is_left(job)


def test_the_childs_own_error_arrives_as_its_class(make_job) -> None:
    job = make_job()
    process = job.process(structures=(7,))
    process.start()
    outcome = process.wait()
    assert isinstance(outcome, Failed)
    assert type(outcome.error) is BundleError
    assert outcome.error.found == "7"
    assert "Traceback" in outcome.details
    nothing_is_left(job)


@pytest.mark.parametrize(
    "body",
    [
        "print('done')",
        'print(\'{"event": "done"}\')',
        "os.write(1, bytes(range(256)) * 4000)",
        DONE + "print(json.dumps(done)); sys.exit(3)",
        DONE + "print(json.dumps(done)); print(json.dumps({'event': 'log', 'text': 'more'}))",
        DONE + "print(json.dumps(done)[:-5], end='')",
        DONE + "print(json.dumps(done)); path.write_bytes(b'changed')",
        DONE + "print(json.dumps(done)); path.unlink()",
        DONE + "done['output'] = sys.argv[0]; print(json.dumps(done))",
        "sys.stderr.write('x' * 10_000_000)",
        "",
    ],
)
def test_no_liar_is_believed(make_job, impostor, body: str) -> None:
    job = make_job()
    process = job.process(impostor(body))
    process.start()
    outcome = process.wait()
    assert isinstance(outcome, Failed)
    assert type(outcome.error) is WorkerError
    assert len(outcome.details) < 1_000_000
    nothing_is_left(job)


def test_garbage_goes_into_the_details_and_does_not_spoil_a_result(make_job, impostor) -> None:
    job = make_job()
    job._finished = job.outcomes.append
    process = job.process(impostor(DONE + "print('Hällo, I am a library'); print(json.dumps(done))"))
    process._on_finished = job.outcomes.append
    process.start()
    assert isinstance(process.wait(), Succeeded)
    failing = make_job()
    process = failing.process(impostor("print('a library on stdout'); sys.stderr.write('and on stderr'); sys.exit(1)"))
    process.start()
    assert process.wait().details == "a library on stdout\nand on stderr"


def test_a_python_that_does_not_start_is_told(make_job, tmp_path: Path) -> None:
    job = make_job()
    process = job.process(str(tmp_path / "no python"))
    process.start()
    assert job.outcomes == []
    outcome = process.wait()
    assert isinstance(outcome, Failed)
    assert outcome.error.path == str(tmp_path / "no python")
    nothing_is_left(job)


def test_an_error_in_the_callers_own_code_does_not_keep_a_job_from_ending(make_job, caplog) -> None:
    job = make_job()
    process = job.process()
    process._on_event = process._on_finished = lambda told: 1 / 0
    process.start()
    assert isinstance(process.wait(), Succeeded)
    assert "ZeroDivisionError" in caplog.text
    nothing_is_left(job)


def test_an_estimate_needs_no_result(make_job) -> None:
    job = make_job()
    process = job.process(estimate_only=True)
    process.start()
    assert process.wait() == Succeeded(None, {})
    nothing_is_left(job)


def test_two_jobs_at_once(make_job) -> None:
    jobs = [make_job(), make_job()]
    processes = [job.process() for job in jobs]
    for process in processes:
        process.start()
    assert [type(process.wait()) for process in processes] == [Succeeded, Succeeded]
    for job in jobs:
        nothing_is_left(job)


def test_a_finished_job_lets_its_volume_go(make_job, bed) -> None:
    """As in PythonQt, a connected signal holds what it calls; a timer that held the job would keep every volume in memory."""
    job = make_job()
    process = job.process()
    watched = weakref.ref(process)
    process.start()
    process.wait()
    process = job = None
    bed.run_events(0.1)
    gc.collect()
    assert watched() is None
