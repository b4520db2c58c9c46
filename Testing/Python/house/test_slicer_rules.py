"""What the code inside Slicer's own process may not do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# PythonQt keeps Python's global lock while Slicer waits for events: a thread there makes almost no progress. Work belongs into
# a child process, and the event loop must not wait for it.
THREADS = {"threading", "concurrent", "multiprocessing", "asyncio", "_thread"}
HEAVY = {"SimpleITK", "onnxruntime", "skimage", "scipy", "torch", "kdseg_training"}


@pytest.fixture(scope="module")
def inside_slicer(repository: Path) -> list[Path]:
    """The Python files that run in Slicer's own process."""
    modules = (repository / "KDSegmentator", repository / "KDSegmentatorTraining")
    found = sorted(path for module in modules for path in [*module.glob("*.py"), *module.glob("*Lib/**/*.py")])
    assert len(found) > 100
    assert {path.relative_to(repository).parts[1] for path in found if len(path.relative_to(repository).parts) > 2} == {
        *("KDSegmentatorLib", "SegmentEditorKDSegmentatorLib", "KDSegmentatorTrainingLib")
    }
    return found


def imported(nodes: list[ast.AST]) -> set[str]:
    """Return the top-level packages that these nodes import."""
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}


def test_nothing_starts_a_thread(inside_slicer: list[Path]) -> None:
    for path in inside_slicer:
        assert not imported(list(ast.walk(ast.parse(path.read_bytes())))) & THREADS, path


def test_nothing_heavy_is_imported_with_a_module(inside_slicer: list[Path]) -> None:
    for path in inside_slicer:
        assert not imported(ast.parse(path.read_bytes()).body) & HEAVY, path


@pytest.mark.parametrize("source", ["import threading", "def f():\n    from concurrent.futures import ThreadPoolExecutor"])
def test_threads_are_recognised(source: str) -> None:
    assert imported(list(ast.walk(ast.parse(source)))) & THREADS
