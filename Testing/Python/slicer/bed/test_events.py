"""Timers, processes and errors inside the event loop."""

from __future__ import annotations

import os
import sys

import pytest
import qt

import slicer


@pytest.mark.parametrize("delay_ms", [0, 10])
def test_a_single_shot_calls_once(wait_until, run_events, delay_ms: int) -> None:
    calls = []
    qt.QTimer.singleShot(delay_ms, lambda: calls.append(1))
    assert calls == []
    wait_until(lambda: calls)
    run_events(0.05)
    assert calls == [1]


def test_a_timer_repeats_until_it_is_stopped(wait_until, run_events) -> None:
    timer, calls = qt.QTimer(), []
    timer.interval = 5
    timer.timeout.connect(lambda: calls.append(1))
    timer.start()
    wait_until(lambda: len(calls) >= 3)
    timer.stop()
    assert timer.active is False
    count = len(calls)
    run_events(0.05)
    assert len(calls) == count


def test_an_error_inside_a_slot_does_not_stop_the_loop_and_is_reported(run_events, slot_errors) -> None:
    qt.QTimer.singleShot(0, lambda: 1 / 0)
    run_events()
    assert [type(error) for error in slot_errors()] == [ZeroDivisionError]


def test_an_error_inside_an_observer_is_reported(scene, slot_errors) -> None:
    tag = scene.AddObserver(scene.NodeAddedEvent, lambda caller, event: 1 / 0)
    scene.AddNewNodeByClass("vtkMRMLTextNode")
    scene.RemoveObserver(tag)
    assert [type(error) for error in slot_errors()] == [ZeroDivisionError]


def test_a_process_reports_its_output_and_its_end(wait_until) -> None:
    process, events = qt.QProcess(), []
    process.connect("readyReadStandardOutput()", lambda: events.append(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: events.append((code, status)))
    process.start(sys.executable, ["-c", "import sys; print(sys.stdin.readline().upper(), end=''); sys.exit(3)"])
    assert process.state() != qt.QProcess.NotRunning
    process.write(b"hello\n")
    wait_until(lambda: len(events) == 2)
    assert events == [b"HELLO\n", (3, qt.QProcess.NormalExit)]


def test_a_process_that_does_not_start_reports_an_error(wait_until) -> None:
    process, errors = qt.QProcess(), []
    process.errorOccurred.connect(errors.append)
    process.start("there-is-no-such-program", [])
    wait_until(lambda: errors)
    assert errors == [qt.QProcess.FailedToStart]


def test_slicers_python_is_a_launcher_with_the_real_one_as_its_child(wait_until) -> None:
    process = qt.QProcess()
    process.start("PythonSlicer", ["-c", "import os; print(os.getpid())"])
    process.waitForFinished(20000)
    assert int(process.readAllStandardOutput().data()) != process.processId()


def test_pip_cannot_be_called_behind_the_tests_back() -> None:
    process = qt.QProcess()
    process.start("PythonSlicer", ["-m", "pip", "install", "nothing"])
    process.waitForFinished(20000)
    assert process.exitCode() == 97


def test_a_deleted_object_goes_when_the_caller_is_done(run_events) -> None:
    button, gone = qt.QPushButton(), []
    button.destroyed.connect(lambda: gone.append(1))
    button.deleteLater()
    slicer.app.processEvents()
    assert gone == []
    run_events()
    assert gone == [1]


def test_what_programs_remember_about_the_user_stays_inside_the_bed() -> None:
    assert os.environ["XDG_DATA_HOME"].startswith(str(slicer.app._folder))
    qt.QSettings().setValue("key", "value")
    assert qt.QSettings().fileName().startswith(str(slicer.app._folder))
