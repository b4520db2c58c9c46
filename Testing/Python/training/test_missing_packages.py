"""The command ``kdseg-training`` where its packages are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdseg.errors import InstallationError

RUN = """
import runpy, sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
sys.argv = ["kdseg-training", *sys.argv[2:]]
runpy.run_module("kdseg_training.cli", run_name="__main__")
"""


def run_without(package: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, package, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that was printed, and nothing else."""
    assert (done.returncode, done.stdout) == (InstallationError.exit_code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_help_without_typer_or_what_it_needs_says_what_to_install(package: str) -> None:
    line = refusal(run_without(package, "--help"))
    assert f"no package {package}" in line and "pip install '.[training]'" in line


@pytest.mark.parametrize("package", ["torch", "nnunetv2", "pydantic", "yaml"])
def test_a_command_without_its_packages_says_what_to_install(package: str, tmp_path: Path) -> None:
    settings = tmp_path / "run.yaml"
    settings.write_text("dataset: Dataset999_Test\nstudents: [{name: plain, factor: 2}]\n")
    for words in ([], ["--json"]):
        line = refusal(run_without(package, "distill", settings, *words))
        told = json.loads(line)["error"]["found"] if words else line
        assert f"no package {package}" in told and "pip install '.[training]'" in line
    assert list(tmp_path.iterdir()) == [settings]  # no log: nothing was unforeseen


def test_a_command_that_imports_before_it_catches_says_it_too(tmp_path: Path) -> None:
    assert "no package pydantic" in refusal(run_without("pydantic", "export", tmp_path))
    assert json.loads(refusal(run_without("pydantic", "export", tmp_path, "--json")))["error"]["exit_code"] == 10


def test_a_missing_module_of_our_own_is_no_missing_package() -> None:
    done = run_without("kdseg_training.synthesis.command", "--help")
    assert done.returncode == 1 and "Traceback" in done.stderr and "pip install" not in done.stderr


@pytest.mark.parametrize("package", ["torch", "nnunetv2", "pydantic", "yaml"])
def test_help_needs_typer_only(package: str) -> None:
    done = run_without(package, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "distill" in done.stdout
