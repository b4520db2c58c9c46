"""The command ``kdseg-training`` where its packages are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kdseg.errors import InstallationError

RUN = """
import runpy, sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
sys.argv = ["kdseg-training", "--help"]
runpy.run_module("kdseg_training.cli", run_name="__main__")
"""


def help_without(package: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RUN, package], capture_output=True, text=True, check=False)


def test_help_without_typer_says_what_to_install() -> None:
    done = help_without("typer")
    assert (done.returncode, done.stdout) == (InstallationError.exit_code, "")
    (line,) = done.stderr.splitlines()
    assert "pip install '.[training]'" in line


@pytest.mark.parametrize("package", ["torch", "nnunetv2", "pydantic", "yaml"])
def test_help_needs_typer_only(package: str) -> None:
    done = help_without(package)
    assert (done.returncode, done.stderr) == (0, "")
    assert "distill" in done.stdout
