"""The self tests for a real Slicer: every one is registered with ctest, and none can be switched off unseen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SWITCHED_OFF = re.compile(r"\bskip|expectedFailure|\bif\b.*:\s*return\b|^\s*#\s*slicer_add_python", re.MULTILINE)


def tool(name: str) -> str:
    """Return a program of the environment, else of the machine."""
    path = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert path is not None, f"{name} is missing; it belongs to the 'dev' extra"
    return path


@pytest.fixture(scope="module")
def registered(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What ctest would run in a build of the extension with tests."""
    build, cmake = tmp_path_factory.mktemp("build"), tool("cmake")
    languages = [f"-DCMAKE_{name}_COMPILER{end}" for name in ("C", "CXX") for end in (f"={cmake}", "_FORCED=ON", "_ID_RUN=ON")]
    slicer = f"-DSlicer_DIR={repository / 'Testing/CMake/StandIn'}"
    places = ["-S", str(repository), "-B", str(build), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"]
    command = [cmake, *places, slicer, "-DBUILD_TESTING=ON", *languages]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    listed = subprocess.run([tool("ctest"), "-N"], cwd=build, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"Test +#\d+: (\S+)", listed))


def test_every_self_test_is_registered(repository: Path, registered: set[str]) -> None:
    files = {f"py_{path.stem}" for path in (repository / "Testing/SelfTests").glob("*SelfTest.py")}
    modules = {"py_KDSegmentator", "py_KDSegmentatorTraining", "py_SegmentEditorKDSegmentator"}
    assert len(files) >= 5
    assert registered == files | modules


def test_no_self_test_is_switched_off(repository: Path) -> None:
    for path in (repository / "Testing/SelfTests").iterdir():
        if path.suffix in {".py", ".txt"}:
            assert not SWITCHED_OFF.search(path.read_text(encoding="utf-8")), path.name


def test_every_self_test_tests(repository: Path) -> None:
    for path in (repository / "Testing/SelfTests").glob("*SelfTest.py"):
        text = path.read_text(encoding="utf-8")
        bodies = re.split(r"^    def (?=test_)", text, flags=re.MULTILINE)[1:]
        assert bodies, path.name
        for body in bodies:
            assert "self.assert" in body or "assert_allclose" in body or "assert_array_equal" in body, body.split("(")[0]
