"""Rules for every test: a missing prerequisite fails, it never skips; and the process ends when its tests have."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

import pytest

EXIT_S = 60
EXIT_STATUS = pytest.StashKey[int]()
SKIPPED = "A skipped test checks nothing. Make its prerequisite part of the environment, or delete the test."


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"{SKIPPED} ({item.nodeid})"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"{SKIPPED} ({collector.nodeid})"
    return report


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[EXIT_STATUS] = int(exitstatus)


def pytest_unconfigure(config):
    """Say where the process hangs if it does not end after its last test, and end it with the status of the tests."""
    threading.Thread(target=_end, args=(config.stash.get(EXIT_STATUS, 1),), name="exit watch", daemon=True).start()


def _end(status: int) -> None:
    time.sleep(EXIT_S)
    sys.__stderr__.write(f"\nThe process did not end {EXIT_S} s after its last test.\n")
    sys.__stderr__.write(f"Children: {multiprocessing.active_children()}\n")
    faulthandler.dump_traceback(sys.__stderr__, all_threads=True)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(status)
