"""Rules that hold for every file of the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LONGEST_PYTHON_FILE = 400

MACHINE_PATH = re.compile(r"(?<![\w.])/(tmp|work|root|farm|home|Users)/\w")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|anaconda\.org|conda-forge|index[-_]url|find[-_]links", re.IGNORECASE)
BANNED_CALLS = {
    "unpickles a checkpoint": re.compile(r"weights_only\s*=\s*False"),
    "unpickles an array": re.compile(r"allow_pickle\s*=\s*True"),
    "unpacks without looking": re.compile(r"\.extractall\("),
    "borrows an image's memory": re.compile(r"GetArrayView[F]romImage"),
    "starts a shell": re.compile(r"shell\s*=\s*True"),
    "reads a pickle": re.compile(r"\b(pickle|dill|joblib|shelve|marshal)\.(load|loads|open|Unpickler)\b"),
}


@pytest.fixture(scope="module")
def texts(repository: Path, project_files: list[Path]) -> dict[Path, str]:
    """Every text file of the project."""
    found = {}
    for path in project_files:
        content = (repository / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8")
    return found


def places(texts: dict[Path, str], pattern: re.Pattern[str], suffix: str = "") -> list[str]:
    """Return ``file:line: text`` of every match."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in texts.items()
        if path.name.endswith(suffix)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_place_on_somebodys_machine(texts: dict[Path, str]) -> None:
    assert places(texts, MACHINE_PATH) == []


def test_no_file_names_a_package_registry(texts: dict[Path, str]) -> None:
    this_test = {Path("Testing/Python/house/test_tree.py")}
    assert places({path: text for path, text in texts.items() if path not in this_test}, REGISTRY) == []


@pytest.mark.parametrize("reason", BANNED_CALLS)
def test_no_python_file_makes_a_banned_call(texts: dict[Path, str], reason: str) -> None:
    assert places(texts, BANNED_CALLS[reason], ".py") == []


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("unpickles a checkpoint", "torch.load(path, weights_only" + "=False)"),
        ("unpickles an array", "np.load(path, allow_pickle" + " = True)"),
        ("unpacks without looking", "archive.extract" + "all(folder)"),
        ("borrows an image's memory", "SimpleITK.GetArrayView" + "FromImage(image)"),
        ("starts a shell", "run(command, shell" + "=True)"),
        ("reads a pickle", "pickle" + ".loads(data)"),
    ],
)
def test_the_banned_calls_are_recognised(reason: str, line: str) -> None:
    assert places({Path("x.py"): line}, BANNED_CALLS[reason], ".py") == [f"x.py:1: {line.strip()}"]


def test_machine_paths_are_recognised_and_other_slashes_are_not() -> None:
    assert places({Path("x"): "open('/ho" + "me/someone/x')"}, MACHINE_PATH)
    assert places({Path("x"): "see docs/work/x and https://example.org/work/x"}, MACHINE_PATH) == []


def test_python_files_stay_small(texts: dict[Path, str]) -> None:
    lengths = {str(path): text.count("\n") for path, text in texts.items() if path.suffix == ".py"}
    assert lengths
    assert {path: n for path, n in lengths.items() if n > LONGEST_PYTHON_FILE} == {}
