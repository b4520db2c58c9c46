"""Rules for every test: a missing prerequisite fails, it never skips; and the process ends when its tests have."""

from __future__ import annotations

import atexit
import faulthandler
import importlib.util
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Callable

import pytest

EXIT_S = 60
EXIT_STATUS = pytest.StashKey[int]()
_LAST: list[int] = []
SKIPPED = "A skipped test checks nothing. Make its prerequisite part of the environment, or delete the test."


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def load_script(repository: Path) -> Callable[[str], ModuleType]:
    """Return a function that imports a script of the repository by its path, its neighbours in reach as when it is run."""

    def load(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(path).stem + "_script", repository / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        sys.path.insert(0, str((repository / path).parent))
        try:
            spec.loader.exec_module(module)
        finally:
            del sys.path[0]
        return module

    return load


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
    """See that the process ends with its tests.

    If it does not leave Python within :data:`EXIT_S` it says where it hangs and ends; what libraries do after Python's own
    clean-up (this handler was registered first, so it runs last) is no business of the tests and is skipped. Where no session
    began, as with ``--help``, there is nothing to watch.
    """
    if EXIT_STATUS not in config.stash:
        return
    status = config.stash[EXIT_STATUS]
    threading.Thread(target=_end_late, args=(status,), name="exit watch", daemon=True).start()
    _LAST.append(status)


def _end_late(status: int) -> None:
    time.sleep(EXIT_S)
    sys.__stderr__.write(f"\nThe process did not end {EXIT_S} s after its last test.\n")
    sys.__stderr__.write(f"Children: {multiprocessing.active_children()}\n")
    faulthandler.dump_traceback(sys.__stderr__, all_threads=True)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(status)


@atexit.register
def _end() -> None:
    if _LAST:
        sys.__stdout__.flush()
        sys.__stderr__.flush()
        os._exit(_LAST[-1])
