"""Who ends the process, and when."""

from __future__ import annotations

import os
import threading
import time

import pytest

from kdseg.worker import lifeline
from kdseg.worker.lifeline import Ending, Lifeline


@pytest.fixture
def pipe():
    read, write = os.pipe()
    ends = {"read": read, "write": write}
    yield ends
    for descriptor in ends.values():
        os.close(descriptor)


def test_only_the_first_thread_may_end_the_process() -> None:
    ending, answers = Ending(), []
    assert not ending.wait(0)
    thread = threading.Thread(target=lambda: answers.append(ending.claim()))
    thread.start()
    thread.join()
    assert answers == [True]
    assert ending.wait(0)
    assert not ending.claim()


def test_the_same_thread_may_claim_again() -> None:
    ending = Ending()
    assert ending.claim()
    assert ending.claim()


def watch(pipe, monkeypatch) -> tuple[Lifeline, threading.Event]:
    monkeypatch.setattr(lifeline, "GRACE_S", 0.05)
    ended = threading.Event()
    line = Lifeline(pipe["read"], Ending(), ended.set)
    line.start()
    return line, ended


def wait_for(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_the_word_cancel_stops_the_run_and_then_the_process(pipe, monkeypatch) -> None:
    line, ended = watch(pipe, monkeypatch)
    os.write(pipe["write"], b"hello\ncan")
    time.sleep(0.1)
    assert not line.cancelled()
    os.write(pipe["write"], b"cel\r\n")
    wait_for(line.cancelled)
    assert ended.wait(5)
    assert not line.orphaned


def test_the_end_of_the_pipe_means_that_the_parent_died(pipe, monkeypatch) -> None:
    line, ended = watch(pipe, monkeypatch)
    os.close(pipe.pop("write"))
    wait_for(line.cancelled)
    assert line.orphaned
    assert ended.wait(5)


def test_a_run_that_stops_by_itself_is_not_ended_by_force(pipe, monkeypatch) -> None:
    monkeypatch.setattr(lifeline, "GRACE_S", 0.3)
    ending, ended = Ending(), threading.Event()
    line = Lifeline(pipe["read"], ending, ended.set)
    line.start()
    os.write(pipe["write"], b"cancel\n")
    wait_for(line.cancelled)
    assert ending.claim()
    assert not ended.wait(0.6)
