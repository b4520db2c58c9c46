"""The extension's CMake files, configured, built and installed with a stand-in for Slicer: everything arrives, nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdseg_testing.shipped import HIPPOCAMPUS

SCRIPTED_MODULES = "lib/qt-scripted-modules"
INSTALLED_FOLDERS = {"KDSegmentator": "", "KDSegmentatorTraining": "", "Resources/Models": "Resources/Models/"}
"""Folder of the tree, and where its files are then, below the scripted modules."""

NOT_INSTALLED = re.compile(r"(^|/)CMakeLists\.txt$|^Resources/Models/(?!.+\.kdseg\.zip$)")


def tool(name: str) -> str:
    """Return a program of the environment, else of the machine."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    path = shutil.which(name, path=folders)
    assert path is not None, f"{name} is missing; it belongs to the 'dev' extra"
    return path


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build and install the extension; return what is then in the folder of the scripted modules."""
    build, prefix = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("prefix")
    cmake = tool("cmake")
    # The extension is all Python: the compilers that CMake asks for are never called.
    no_compiler = [
        f"-DCMAKE_{language}_COMPILER{suffix}"
        for language in ("C", "CXX")
        for suffix in (f"={cmake}", "_FORCED=ON", "_ID_RUN=ON")
    ]
    configure = [
        *(cmake, "-S", str(repository), "-B", str(build), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"),
        *(f"-DSlicer_DIR={repository / 'Testing/CMake/StandIn'}", f"-DCMAKE_INSTALL_PREFIX={prefix}", *no_compiler),
    ]
    for command in (configure, [cmake, "--build", str(build)], [cmake, "--install", str(build)]):
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    root = prefix / SCRIPTED_MODULES
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def expected(project_files: list[Path]) -> set[str]:
    """Return what must be installed: modules, effect, libraries, packages, resources, and the shipped students."""
    wanted = set()
    for path in map(Path.as_posix, project_files):
        for folder, place in INSTALLED_FOLDERS.items():
            if path.startswith(folder + "/") and not NOT_INSTALLED.search(path):
                wanted.add(place + path[len(folder) + 1 :])
    return wanted


@pytest.mark.parametrize(
    "path",
    [
        *("KDSegmentator.py", "Resources/UI/KDSegmentator.ui", "Resources/Icons/KDSegmentator.png"),
        *("SegmentEditorKDSegmentator.py", "SegmentEditorKDSegmentatorLib/SegmentEditorEffect.py"),
        *("SegmentEditorKDSegmentatorLib/SegmentEditorEffect.png", "KDSegmentatorLib/__init__.py"),
        *("kdseg/__init__.py", "kdseg/bundle/bundle.schema.json", "kdseg_training/__init__.py"),
        *("KDSegmentatorTraining.py", "KDSegmentatorTrainingLib/__init__.py", "Resources/UI/KDSegmentatorTraining.ui"),
        *("Resources/Icons/KDSegmentatorTraining.png", f"Resources/Models/{HIPPOCAMPUS.path.name}"),
    ],
)
def test_what_slicer_looks_for_is_where_it_looks(installed: set[str], path: str) -> None:
    assert path in installed


def test_everything_in_the_tree_is_installed(installed: set[str], expected: set[str]) -> None:
    missing = sorted(expected - installed)
    assert not missing, "Not in the CMakeLists.txt of their folder:\n" + "\n".join(missing)


def test_nothing_else_is_installed(installed: set[str], expected: set[str]) -> None:
    assert sorted(installed - expected) == []


def test_the_extension_follows_the_index_conventions(repository: Path) -> None:
    text = (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\(KDSegmentator\)$", text, re.MULTILINE)
    assert re.search(r'^set\(EXTENSION_DEPENDS "NA"\)$', text, re.MULTILINE)
    generate, package = text.index("${Slicer_EXTENSION_GENERATE_CONFIG}"), text.index("${Slicer_EXTENSION_CPACK}")
    assert text.rindex("add_subdirectory(") < generate < package
