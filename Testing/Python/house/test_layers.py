"""The arrows of the house point one way, and the runtime stays small and cheap to start."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNTIME_PACKAGES = {"numpy", "SimpleITK", "onnxruntime", "skimage", "scipy", "PIL"}
"""What ``kdseg`` may import: its four dependencies and what scikit-image brings."""

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def run_python(code: str, folder: Path, *import_folders: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, import_folders))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def lint_imports(root: Path, configuration: Path) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.argv = ['lint-imports', '--config', {str(configuration)!r}, '--no-cache']; {LINT_IMPORTS}"
    return run_python(code, root, root / "KDSegmentator", root / "KDSegmentatorTraining")


def loaded_by(repository: Path, module: str) -> set[str]:
    """Return the top-level packages that are in memory after importing ``module`` in a fresh Python."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = run_python(code, repository, repository / "KDSegmentator")
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def imported_names(source: str) -> set[str]:
    """Return the top-level names that a module imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_layers_hold(repository: Path) -> None:
    result = lint_imports(repository, repository / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("KDSegmentator/kdseg/volume.py", "import torch"),
        ("KDSegmentator/kdseg/volume.py", "import slicer"),
        ("KDSegmentator/kdseg/volume.py", "import kdseg_training"),
        ("KDSegmentator/kdseg/volume.py", "import kdseg.io"),
        ("KDSegmentatorTraining/kdseg_training/metrics/__init__.py", "import torch"),
    ],
)
def test_a_wrong_arrow_is_noticed(repository: Path, tmp_path: Path, module: str, statement: str) -> None:
    for folder in ("KDSegmentator", "KDSegmentatorTraining"):
        shutil.copytree(repository / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    changed = tmp_path / module
    changed.write_text(changed.read_text(encoding="utf-8") + f"\n{statement}\n", encoding="utf-8")
    result = lint_imports(tmp_path, tmp_path / "pyproject.toml")
    assert result.returncode != 0
    assert re.search(r"\b[1-9]\d* broken", result.stdout), result.stdout


def test_importing_the_package_loads_nothing_heavy(repository: Path) -> None:
    assert loaded_by(repository, "kdseg") & RUNTIME_PACKAGES == set()


def test_starting_the_command_line_loads_no_network_engine(repository: Path) -> None:
    assert loaded_by(repository, "kdseg.cli.main") & {"onnxruntime", "skimage", "scipy", "SimpleITK"} == set()


def test_the_runtime_imports_only_its_own_dependencies(repository: Path) -> None:
    allowed = RUNTIME_PACKAGES | set(sys.stdlib_module_names) | {"kdseg"}
    modules = sorted((repository / "KDSegmentator" / "kdseg").rglob("*.py"))
    foreign = {
        f"{path.relative_to(repository)}: {name}"
        for path in modules
        for name in imported_names(path.read_text(encoding="utf-8")) - allowed
    }
    assert modules
    assert foreign == set()


def test_imports_inside_functions_are_seen() -> None:
    source = "import os.path\ndef f():\n    from torch.nn import Module\n    from . import sibling\n"
    assert imported_names(source) == {"os", "torch"}
