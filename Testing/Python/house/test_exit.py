"""A test process that does not end after its tests says where it hangs, and ends with their result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import threading, time

def test_leaves_a_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()

def test_fails():
    assert {fine}
"""


@pytest.mark.parametrize(("fine", "code"), [(True, 0), (False, 1)])
def test_a_thread_that_is_left_does_not_hold_the_process(fine: bool, code: int, tmp_path: Path, repository: Path) -> None:
    conftest = (repository / "Testing" / "Python" / "conftest.py").read_text(encoding="utf-8")
    assert "\nEXIT_S = 60\n" in conftest
    (tmp_path / "conftest.py").write_text(conftest.replace("\nEXIT_S = 60\n", "\nEXIT_S = 1\n"), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS.format(fine=fine), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path / "test_it.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "did not end 1 s after its last test" in done.stderr
    assert "in _shutdown" in done.stderr


def test_without_a_session_pytest_tells_its_own_result(tmp_path: Path, repository: Path) -> None:
    conftest = repository / "Testing" / "Python" / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--help", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
