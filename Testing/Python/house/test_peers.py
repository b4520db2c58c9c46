"""Whatever docs/peers.md claims for this project is shown by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PEERS = ("TS", "NNU", "DEN", "A3D", "NNI", "HDB", "MLB", "KON")
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#(\w+))?\)")


def table(text: str) -> list[list[str]]:
    """Return the cells of every row of the page's table, the header first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if not set("".join(row)) <= {"-"}]


@pytest.fixture(scope="module")
def rows(repository: Path) -> list[list[str]]:
    return table((repository / "docs/peers.md").read_text(encoding="utf-8"))


def functions(path: Path) -> set[str]:
    """Return the names of the test functions of a file, also of those in classes."""
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


def faults(own: str, docs: Path) -> list[str]:
    """Return what is wrong with a cell of our own column."""
    links = LINK.findall(own)
    found = []
    if own.startswith(("yes", "[yes")) and not links:
        found.append("a yes without a test")
    if own.startswith("[yes") and not links[0][1]:
        found.append("a yes names no function")
    for target, function in links:
        path = (docs / target).resolve()
        if not path.name.startswith("test_") or not path.is_file():
            found.append(f"{target} is no test file")
        elif function and function not in functions(path):
            found.append(f"{target} has no {function}")
    return found


def test_the_table_has_every_peer_and_this_project(rows: list[list[str]]) -> None:
    assert rows[0] == ["feature", *PEERS, "KDSegmentator"]
    assert len(rows) > 15
    assert {len(row) for row in rows} == {len(rows[0])}


def test_every_own_yes_is_shown_by_a_test(rows: list[list[str]], repository: Path) -> None:
    wrong = {row[0]: faults(row[-1], repository / "docs") for row in rows[1:]}
    assert {feature: what for feature, what in wrong.items() if what} == {}


def test_no_cell_is_empty_and_no_feature_is_there_twice(rows: list[list[str]]) -> None:
    assert all(cell for row in rows for cell in row)
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names)


def test_the_page_says_where_the_cells_come_from(repository: Path) -> None:
    text = (repository / "docs/peers.md").read_text(encoding="utf-8")
    assert re.search(r"public files\*\*.*\b20\d\d\b", text, re.DOTALL)


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("yes", "a yes without a test"),
        ("[yes](../Testing/Python/house/test_peers.py)", "a yes names no function"),
        ("[yes](../Testing/Python/house/test_peers.py#test_of_nothing)", "has no test_of_nothing"),
        ("[yes](../Testing/Python/house/test_nowhere.py#test_x)", "is no test file"),
        ("[yes](../README.md#test_x)", "is no test file"),
    ],
)
def test_a_claim_without_a_test_is_noticed(own: str, problem: str, repository: Path) -> None:
    assert any(problem in fault for fault in faults(own, repository / "docs"))
