"""The life of a process that runs one subject again and again.

It reads words from standard input, one a line, and answers with the messages of :mod:`kdseg.worker.messages`: ``started`` when
its libraries are loaded, then for ``describe`` and for each ``run`` one ``done`` or ``failed``, with ``progress`` in between.
When standard input ends, the process ends at once, with whatever it started.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, NoReturn, Protocol

from kdseg.process_memory import give_memory_back
from kdseg.progress import Stage
from kdseg.versions import versions
from kdseg.worker.channel import Channel, take_pipes
from kdseg.worker.child import ITK_PLUGINS_VARIABLE, as_error
from kdseg.worker.messages import PROTOCOL, DoneMessage, FailedMessage, ProgressMessage, StartedMessage
from kdseg.worker.overall import Overall
from kdseg_training.profiling.stage_watch import StageWatch

DESCRIBE, RUN = "describe", "run"

INTERVAL_S = 0.2
"""Progress is told at most this often."""

Tell = Callable[[Stage, float], None]
"""Told the stage and the share of it that is done."""


class Subject(Protocol):
    """What is run; made once, after its libraries were imported."""

    def describe(self) -> Dict[str, Any]:
        """Return what is known without a run; may be slow."""
        ...

    def run(self, watch: StageWatch, tell: Tell) -> None:
        """Run once from file to file; tell stages to ``watch`` and put what was found into its facts."""
        ...


def serve(open_subject: Callable[[], Subject]) -> NoReturn:
    """Serve the parent; never returns."""
    words: queue.Queue[str] = queue.Queue()
    descriptor, channel = take_pipes()
    os.environ.pop(ITK_PLUGINS_VARIABLE, None)
    threading.Thread(target=_listen, args=(descriptor, words), daemon=True).start()
    try:
        subject = open_subject()
    except BaseException as raised:  # noqa: BLE001 – the last border: every failure is one message and an exit code
        error = as_error(raised)
        channel.send(FailedMessage(error, traceback.format_exc()))
        end(error.exit_code)
    channel.send(StartedMessage(PROTOCOL, os.getpid(), versions()))
    while True:
        _answer(words.get(), subject, channel)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def end(code: int) -> NoReturn:
    """End this process at once, with the processes that it started where it leads a group of its own."""
    sys.stderr.flush()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid() and code == 0:
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(code)


def _listen(descriptor: int, words: queue.Queue[str]) -> None:
    rest = b""
    while True:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:
            chunk = b""
        if not chunk:
            end(0)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            words.put(line.decode("ascii", "replace").strip())


def _answer(word: str, subject: Subject, channel: Channel) -> None:
    try:
        report = subject.describe() if word == DESCRIBE else _run(subject, channel)
        channel.send(DoneMessage(None, None, report))
    except BaseException as raised:  # noqa: BLE001 – the last border: every failure is one message
        channel.send(FailedMessage(as_error(raised), traceback.format_exc()))
    give_memory_back()  # so that a run finds the process as a fresh one would be


def _run(subject: Subject, channel: Channel) -> Dict[str, Any]:
    watch, tell = StageWatch(), _teller(channel)
    cpu, began = cpu_seconds(), time.perf_counter()
    subject.run(watch, tell)
    wall = time.perf_counter() - began
    return {"wall_s": round(wall, 6), "cpu_s": round(cpu_seconds() - cpu, 6), **watch.report()}


def _teller(channel: Channel) -> Tell:
    overall, told = Overall(), [-1.0]

    def tell(stage: Stage, fraction: float) -> None:
        now = time.monotonic()
        share, left = overall.update(stage, fraction, now)
        if now - told[0] >= INTERVAL_S:
            told[0] = now
            channel.send(ProgressMessage(stage.value, round(fraction, 4), round(share, 4), left))

    return tell
