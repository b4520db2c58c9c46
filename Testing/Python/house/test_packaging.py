"""The wheel that ``pip install`` makes holds every file of the two packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDERS = ("KDSegmentator", "KDSegmentatorTraining")
PACKAGES = ("kdseg", "kdseg_training")
"""What pip installs; the rest of the two folders is Slicer's."""


@pytest.fixture(scope="module")
def wheel(repository: Path, project_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in project_files:
        if path.parts[0] in FOLDERS or path.name in ("pyproject.toml", "README.md", "LICENSE"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / path, source / path)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(target),
        str(source),
    ]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (path,) = target.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile, project_files: list[Path]) -> None:
    expected = {
        Path(*path.parts[1:]).as_posix()
        for path in project_files
        if path.parts[0] in FOLDERS and path.parts[1] in PACKAGES and path.name != "CMakeLists.txt"
    }
    assert "kdseg/py.typed" in expected
    assert sorted(expected - set(wheel.namelist())) == []


def test_nothing_but_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
