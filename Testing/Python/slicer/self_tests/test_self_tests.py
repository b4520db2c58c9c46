"""The self tests for a real Slicer (Testing/SelfTests), run without one, so that they are not only written."""

from __future__ import annotations

import importlib
import sys
import unittest
from pathlib import Path

import pytest

import slicer

FOLDER = Path(__file__).resolve().parents[3] / "SelfTests"
MODULES = ("KDSegmentator", "SegmentEditorKDSegmentator", "KDSegmentatorTraining")
FILES = sorted(FOLDER.glob("*SelfTest.py"))


def cases(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    return [case for item in suite for case in (cases(item) if isinstance(item, unittest.TestSuite) else [item])]


def load(name: str) -> list[unittest.TestCase]:
    """Return what Slicer's own runner finds in a file."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return cases(unittest.TestLoader().loadTestsFromModule(importlib.import_module(name)))


def run(case: unittest.TestCase) -> None:
    """Run one test; its error is raised as it was."""
    result = unittest.TestResult()
    case.run(result)
    problems = [text for _, text in result.errors + result.failures]
    assert not problems, problems[0]
    assert result.testsRun == 1
    assert not result.skipped


@pytest.fixture(autouse=True)
def extension(load_module, end_startup) -> None:
    """Every module, loaded as at the start of Slicer."""
    for name in MODULES:
        load_module(name)
    end_startup()


@pytest.mark.parametrize(
    ("file", "test"), [(path.stem, case.id().split(".", 1)[1]) for path in FILES for case in load(path.stem)]
)
def test_a_self_test(file: str, test: str) -> None:
    (case,) = [case for case in load(file) if case.id() == f"{file}.{test}"]
    run(case)


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_own_test(module: str) -> None:
    slicer.selfTests[module](msec=0)


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_own_test_as_slicers_runner_finds_it(module: str) -> None:
    own = [case for case in load(module) if type(case).__name__ == f"{module}Test"]
    assert own
    for case in own:
        run(case)
