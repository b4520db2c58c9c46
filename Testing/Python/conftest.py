"""Rules for every test: a missing prerequisite fails, it never skips."""

from __future__ import annotations

from pathlib import Path

import pytest

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
