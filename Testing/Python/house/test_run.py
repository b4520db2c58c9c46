"""``run.py``: environments are used again only while their recipe is the same, and no failure is lost."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def run(load_script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """``run.py`` as a module whose root is an empty folder."""
    module = load_script("run.py")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def make_executable(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def environment(run, tmp_path: Path):
    """An environment whose recipe holds one file; its interpreter only answers -VV and makes an empty folder for -m venv."""
    recipe = tmp_path / "recipe.txt"
    recipe.write_text("numpy", encoding="utf-8")
    interpreter = make_executable(tmp_path / "python", '#!/bin/sh\nif [ "$2" = venv ]; then rm -rf "$4"; mkdir "$4"; fi\n')
    return run.Environment("trial", interpreter, ("numpy",), (recipe,))


def python_step(run, title: str, code: str):
    return run.Step(title, (sys.executable, "-c", code))


def test_the_stamp_is_stable(environment) -> None:
    assert environment.stamp() == environment.stamp()


def test_the_stamp_follows_the_files_and_the_arguments(environment) -> None:
    before = environment.stamp()
    assert dataclasses.replace(environment, pip_arguments=("numpy<2",)).stamp() != before
    environment.sources[0].write_text("numpy<2", encoding="utf-8")
    assert environment.stamp() != before


def test_an_environment_with_the_right_stamp_is_used_again(environment) -> None:
    environment.folder.mkdir()
    (environment.folder / "stamp").write_text(environment.stamp(), encoding="ascii")
    kept = environment.folder / "kept"
    kept.touch()
    assert environment.prepare() is environment
    assert kept.exists()


def test_an_environment_with_another_stamp_is_made_anew(environment, monkeypatch: pytest.MonkeyPatch, run) -> None:
    environment.folder.mkdir()
    (environment.folder / "stamp").write_text("older", encoding="ascii")
    (environment.folder / "left over").touch()
    installed = []
    monkeypatch.setattr(run.Environment, "pip", lambda self, *arguments: installed.append(arguments))
    environment.prepare()
    assert installed == [("install", "--quiet", "numpy")]
    assert (environment.folder / "stamp").read_text(encoding="ascii") == environment.stamp()
    assert not (environment.folder / "left over").exists()


def test_a_failed_installation_leaves_no_stamp(environment, monkeypatch: pytest.MonkeyPatch, run) -> None:
    def fail(self, *arguments: str) -> None:
        raise run.SetupError("no network")

    monkeypatch.setattr(run.Environment, "pip", fail)
    with pytest.raises(run.SetupError, match="no network"):
        environment.prepare()
    assert not (environment.folder / "stamp").exists()


def test_steps_after_a_failure_still_run_and_the_exit_code_tells(run, capfd: pytest.CaptureFixture[str]) -> None:
    steps = [
        python_step(run, "first", "print('1 failed'); raise SystemExit(1)"),
        python_step(run, "second", "print('3 passed')"),
    ]
    assert run.run_steps(steps) == 1
    summary = capfd.readouterr().out.partition("summary")[2]
    assert re.search(r"FAILED .* first +1 failed", summary)
    assert re.search(r"ok .* second +3 passed", summary)


def test_only_passing_steps_give_zero(run) -> None:
    assert run.run_steps([python_step(run, "fine", "pass")]) == 0


LEAVES_ONE_BEHIND = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session={apart})
print(child.pid, flush=True)
print("2 passed", flush=True)
"""


@pytest.mark.parametrize("apart", [False, True], ids=["in the group", "in a session of its own"])
def test_a_step_ends_with_its_process_even_if_another_lives_on(
    apart: bool, run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "OUTPUT_GRACE_S", 0.5)
    outcome = run.run_step(python_step(run, "leaving", LEAVES_ONE_BEHIND.format(apart=apart)))
    pid = int(capfd.readouterr().out.partition(">> leaving")[2].split()[0])
    assert (outcome.passed, outcome.closing_line) == (True, "2 passed")
    assert outcome.seconds < 60
    if apart:
        os.kill(pid, signal.SIGKILL)
    else:
        wait_until_gone(pid)


def test_a_group_that_macos_does_not_let_end_is_no_failure(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(group: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refuse)
    assert run.run_step(python_step(run, "fine", "pass")).passed


def test_a_step_that_takes_too_long_has_failed(run, capfd: pytest.CaptureFixture[str]) -> None:
    step = python_step(run, "slow", "import time; time.sleep(600)")
    outcome = run.run_step(run.Step(step.title, step.command, 0.5))
    assert not outcome.passed
    assert outcome.seconds < 60
    assert "slow was ended after 0 s" in capfd.readouterr().out


def wait_until_gone(pid: int) -> None:
    """Wait until a killed process is gone; whoever adopted it may need a moment to notice."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if status == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} lives on")


def test_a_name_that_does_not_start_is_no_python(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(tmp_path / "shims" / "python3.9", "#!/bin/sh\nexit 127\n")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert run.find_python("3.9") is None


def test_a_python_of_pyenv_is_found(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(tmp_path / "shims" / "python3.9", "#!/bin/sh\nexit 127\n")
    python = make_executable(tmp_path / "pyenv" / "versions" / "3.9.18" / "bin" / "python3.9", "#!/bin/sh\nexit 0\n")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert run.find_python("3.9") == python


@pytest.fixture
def planned(run, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """The steps that ``test`` would run, by title; environments and tools are taken to be there."""
    steps: dict[str, tuple[str, ...]] = {}

    def record(planned) -> int:
        steps.update({step.title: step.command for step in planned})
        return 0

    monkeypatch.setattr(run, "run_steps", record)
    monkeypatch.setattr(run, "find_python", lambda version: f"python{version}")
    monkeypatch.setattr(run, "require_qt", lambda environment: environment)
    monkeypatch.setattr(run.Environment, "prepare", lambda self: self)
    return steps


def only(run, monkeypatch: pytest.MonkeyPatch, *versions: str) -> None:
    """Leave only these Pythons on the machine."""
    monkeypatch.setattr(run, "find_python", lambda version: f"python{version}" if version in versions else None)


def test_ci_fails_without_the_oldest_python(
    run, planned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(run, monkeypatch, "3.11", "3.12")
    monkeypatch.setenv("CI", "1")
    assert run.main(["test"]) == 1
    assert "Python 3.9 is not on this machine" in capsys.readouterr().err


def test_a_developer_without_the_oldest_python_is_told(
    run, planned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(run, monkeypatch, "3.11", "3.12")
    monkeypatch.delenv("CI", raising=False)
    assert run.main(["test"]) == 0
    assert "LEFT OUT" in capsys.readouterr().out
    assert "panel, Slicer 5.13" in planned


@pytest.mark.parametrize("ci", [True, False])
def test_without_a_python_for_slicers_libraries_the_tests_fail(
    run, planned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: bool
) -> None:
    only(run, monkeypatch, "3.9")
    monkeypatch.setenv("CI", "1") if ci else monkeypatch.delenv("CI", raising=False)
    assert run.main(["test"]) == 1
    assert "The panel's tests need one of Python 3.12" in capsys.readouterr().err
    assert planned == {}


def test_slicers_own_python_is_preferred(run, monkeypatch: pytest.MonkeyPatch) -> None:
    only(run, monkeypatch, "3.10", "3.12", "3.13")
    assert run.slicer_5_13_environment().interpreter == "python3.12"
    only(run, monkeypatch, "3.10", "3.13")
    assert run.slicer_5_13_environment().interpreter == "python3.13"


def test_the_panels_tests_run_once_and_in_their_own_environment(run, planned) -> None:
    assert run.main(["test"]) == 0
    panel, everything = planned["panel, Slicer 5.13"], planned["all tests"]
    assert ".venv-slicer-5.13" in panel[0]
    assert "Testing/Python/slicer" in panel
    assert "--ignore=Testing/Python/slicer" in everything
    assert "Testing/Python" in everything


def test_a_qt_that_does_not_start_says_what_is_missing(run, environment) -> None:
    problem = "ImportError: libEGL.so.1: cannot open shared object file"
    make_executable(environment.scripts / "python", f"#!/bin/sh\necho 'Traceback' >&2\necho '{problem}' >&2\nexit 1\n")
    with pytest.raises(run.SetupError, match=r"libEGL\.so\.1(?s:.*)apt-get install libegl1"):
        run.require_qt(environment)


def test_a_qt_that_starts_is_taken(run, environment) -> None:
    make_executable(environment.scripts / "python", '#!/bin/sh\n[ "$QT_QPA_PLATFORM" = offscreen ]\n')
    assert run.require_qt(environment) is environment


def test_the_demo_needs_its_student(run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["demo"]) == 1
    assert "Resources/Models/brain" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(run) -> None:
    with pytest.raises(SystemExit, match="2"):
        run.main(["party"])


def test_run_py_needs_the_standard_library_only(repository: Path) -> None:
    imports = re.findall(r"^\s*(?:import|from) (\w+)", (repository / "run.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert "subprocess" in imports
    assert set(imports) <= set(sys.stdlib_module_names)
