"""``run.py``: environments are used again only while their recipe is the same, and no failure is lost."""

from __future__ import annotations

import dataclasses
import re
import sys
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


def without_python39(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_python", lambda version: None)
    monkeypatch.setattr(run.Environment, "prepare", lambda self: self)
    monkeypatch.setattr(run, "run_steps", lambda steps: 0)


def test_ci_fails_without_the_oldest_python(run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    without_python39(run, monkeypatch)
    monkeypatch.setenv("CI", "1")
    assert run.main(["test"]) == 1
    assert "Python 3.9 is not on this machine" in capsys.readouterr().err


def test_a_developer_without_the_oldest_python_is_told(
    run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_python39(run, monkeypatch)
    monkeypatch.delenv("CI", raising=False)
    assert run.main(["test"]) == 0
    assert "LEFT OUT" in capsys.readouterr().out


def test_the_demo_needs_its_student(run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["demo"]) == 1
    assert "Resources/Models/hippocampus" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(run) -> None:
    with pytest.raises(SystemExit, match="2"):
        run.main(["party"])


def test_run_py_needs_the_standard_library_only(repository: Path) -> None:
    imports = re.findall(r"^\s*(?:import|from) (\w+)", (repository / "run.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert "subprocess" in imports
    assert set(imports) <= set(sys.stdlib_module_names)
