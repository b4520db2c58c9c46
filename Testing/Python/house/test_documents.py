"""What the documents say is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/bundle.md", "docs/command-line.md", "docs/console.md", "docs/geometry.md", "docs/peers.md", "docs/slicer.md"),
    *(
        "docs/distil-your-own.md",
        "docs/evaluation.md",
        "docs/profiling.md",
        "docs/study.md",
        "docs/synthesis.md",
        "docs/training-panel.md",
        "docs/training.md",
    ),
    *("docs/results/brain.md", "docs/results/family.md", "docs/results/hippocampus-distillation.md"),
    *("docs/results/hippocampus-few-labels.md", "docs/results/hippocampus.md"),
    *("docs/results/metrics.md", "docs/results/parity.md", "docs/results/speed.md"),
]


def read(repository: Path, name: str) -> str:
    return (repository / name).read_text(encoding="utf-8")


def version(repository: Path) -> str:
    (found,) = re.findall(r'^__version__ = "(.+)"$', read(repository, "KDSegmentator/kdseg/_version.py"), re.MULTILINE)
    return found


def commands(text: str, program: str) -> list[list[str]]:
    """Return the command lines of the shell blocks that start with ``program``, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words for words in lines if words[: len(program.split())] == program.split()]


def test_every_document_is_known(repository: Path, project_files: list[Path]) -> None:
    found = {path.as_posix() for path in project_files if path.suffix == ".md" and path.parts[0] in ("docs", path.name)}
    assert found == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_pictures_lead_somewhere(repository: Path, name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", read(repository, name))
    missing = [t for t in targets if "://" not in t and not (repository / name).parent.joinpath(t).exists()]
    assert missing == []


def test_the_readme_names_the_two_commands_and_run_py_has_them(repository: Path, load_script) -> None:
    named = {words[2] for words in commands(read(repository, "README.md"), "python3 run.py")}
    assert named == {"demo", "test"}
    assert named <= set(load_script("run.py").COMMANDS)


def test_the_continuous_integration_runs_the_commands_of_the_readme(repository: Path) -> None:
    script = read(repository, ".ci/run")
    for words in commands(read(repository, "README.md"), "python3 run.py"):
        assert re.search(rf"^{re.escape(' '.join(words))}$", script, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "docs/command-line.md"])
def test_the_command_line_has_what_the_documents_show(repository: Path, name: str) -> None:
    text = read(repository, name)
    shown = {words[1]: set() for words in commands(text, "kdseg")} or {"segment": set()}
    for words in commands(text, "kdseg"):
        shown[words[1]] |= {word for word in words[2:] if word.startswith("-")}
    shown["segment"] |= set(re.findall(r"`(--[a-z-]+)`", text)) - {"--help"}
    for command, options in shown.items():
        program = "import sys; from kdseg.cli.main import main; sys.exit(main(sys.argv[1:]))"
        helped = subprocess.run(
            [sys.executable, "-c", program, command, "--help"],
            check=False,
            capture_output=True,
            text=True,
            cwd=repository / "KDSegmentator",
        )
        assert helped.returncode == 0, helped.stderr
        known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helped.stdout))
        assert options <= known, f"kdseg {command} has no {sorted(options - known)}"


def test_the_exit_codes_are_those_of_the_errors(repository: Path) -> None:
    from kdseg import errors

    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.KDSegError)]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", read(repository, "docs/command-line.md"), re.MULTILINE)}
    assert documented == {cls.exit_code for cls in classes} | {0, 2}


def test_the_changelog_has_the_current_version(repository: Path) -> None:
    sections = re.findall(r"^## \[(.+?)\]", read(repository, "CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == version(repository)


def test_the_version_stands_in_one_place(repository: Path, project_files: list[Path]) -> None:
    number = version(repository)
    code = [path for path in project_files if path.suffix in (".py", ".toml", ".cmake") or path.name == "CMakeLists.txt"]
    pattern = re.compile(rf"""["']{re.escape(number)}["']|VERSION\s+{re.escape(number)}\b|^version\s*=\s*"\d""", re.MULTILINE)
    holders = [
        path.as_posix()
        for path in code
        if path.parts[0] in ("KDSegmentator", "KDSegmentatorTraining", "run.py", "pyproject.toml", "CMakeLists.txt")
        and pattern.search(read(repository, path.as_posix()))
    ]
    assert holders == ["KDSegmentator/kdseg/_version.py"]


def test_the_licence_is_apache_2(repository: Path) -> None:
    text = read(repository, "LICENSE")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = { text = "Apache-2.0" }' in read(repository, "pyproject.toml")
