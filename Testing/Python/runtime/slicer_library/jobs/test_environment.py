"""What the child inherits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from KDSegmentatorLib.jobs.environment import child_arguments, child_environment, python_program


def test_slicers_own_environment_stays_and_kdseg_comes_first(repository: Path) -> None:
    inherited = {
        "PYTHONHOME": "home",
        "PYTHONPATH": "a",
        "LD_LIBRARY_PATH": "b",
        "PYTHONSTARTUP": "s",
        "PYTHONIOENCODING": "latin1",
    }
    environment = child_environment(3, inherited)
    assert environment["PYTHONHOME"] == "home"
    assert environment["LD_LIBRARY_PATH"] == "b"
    assert environment["PYTHONPATH"] == os.pathsep.join([str(repository / "KDSegmentator"), "a"])
    assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "3"
    assert "PYTHONSTARTUP" not in environment
    assert "PYTHONIOENCODING" not in environment
    assert inherited["PYTHONPATH"] == "a"


def test_without_a_path_there_is_no_empty_entry(repository: Path) -> None:
    assert child_environment(1, {})["PYTHONPATH"] == str(repository / "KDSegmentator")


def test_slicers_python_is_preferred(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_program() == sys.executable
    launcher = tmp_path / "PythonSlicer"
    launcher.touch(mode=0o755)
    assert python_program() == str(launcher)


def test_the_child_can_be_started_with_it(tmp_path: Path) -> None:
    command = [sys.executable, *child_arguments(tmp_path / "missing.json")]
    result = subprocess.run(command, env=child_environment(1), input=b"", capture_output=True, check=False, timeout=60)
    assert result.returncode in (11, 130)  # no such request, or no parent: whichever is noticed first
    assert b'"event": "started"' in result.stdout
