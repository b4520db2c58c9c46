"""The parser, the exit codes, and errors that nobody foresaw."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

import kdseg as package
from kdseg import errors
from kdseg.cli.failures import common_exit_code
from kdseg.cli.main import main
from kdseg.cli.runtime import Runtime


class BrokenRuntime(Runtime):
    """Raises one error whatever is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def load_student(self, path):
        raise self.error


@pytest.mark.parametrize("start", [["-m", "kdseg"], ["-c", "import sys; from kdseg.cli.main import main; sys.exit(main())"]])
def test_the_version_from_a_shell(repository, start):
    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
    result = subprocess.run([sys.executable, *start, "--version"], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == f"kdseg {package.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["unknown"],
        ["segment", "a.nii.gz"],
        ["segment", "-m", "x.kdseg.zip"],
        ["segment", "a.nii.gz", "-m", "x", "--threads", "0"],
        ["segment", "a.nii.gz", "-m", "x", "--threads", "many"],
        ["segment", "a.nii.gz", "-m", "x", "--memory-gb", "nan"],
        ["segment", "a.nii.gz", "-m", "x", "--memory-gb", "-1"],
        ["segment", "a.nii.gz", "-m", "x", "--step", "0"],
        ["segment", "a.nii.gz", "-m", "x", "--step", "1.1"],
        ["segment", "a.nii.gz", "-m", "x", "--engine", "abacus"],
        ["segment", "a.nii.gz", "-m", "x", "--format", "dcm"],
        ["segment", "-m", "x", "--picture", "a.nii.gz"],
        ["segment", "b.nii.gz", "-m", "x", "--report", "a.nii.gz"],
    ],
)
def test_a_wrong_command_line_gives_2(words, capsys):
    assert main(words) == 2
    assert "usage: kdseg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--threads", "0", "a whole number of at least 1"),
        ("--threads", "many", "a whole number of at least 1"),
        ("--memory-gb", "nan", "a number above 0"),
        ("--memory-gb", "much", "a number above 0"),
        ("--step", "half", "a number above 0 and at most 1"),
    ],
)
def test_a_wrong_number_is_told_with_what_is_expected(capsys, option, value, expected):
    main(["segment", "a.nii.gz", "-m", "x", option, value])
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"argument {option}: expected {expected}, found {value}")


def test_an_image_is_not_taken_for_the_name_of_a_picture(capsys):
    main(["segment", "b.nii.gz", "-m", "x", "--picture", "a.nii.gz"])
    assert "expected a name ending in .png, found a.nii.gz" in capsys.readouterr().err


def test_help_names_the_exit_code_of_every_error(capsys):
    assert main(["--help"]) == 0
    listed = [int(n) for n in re.findall(r"^ +(\d+)  ", capsys.readouterr().out, re.MULTILINE)]
    documented = set(listed)
    assert listed == sorted(documented), "each once, in order"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.KDSegError)]
    assert documented == {0, 2} | {kind.exit_code for kind in kinds}


@pytest.mark.parametrize("command", [["info", "x"], ["segment", "a", "-m", "x"]])
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (errors.BundleSchemaError("Torn.", remedy="Mend it."), 4, "what to do: Mend it."),
        (errors.EngineError("Stalled."), 7, "Error: Stalled."),
        (MemoryError(), 1, "ran out of memory"),
        (ZeroDivisionError("division by zero"), 1, "This is a bug"),
        (KeyboardInterrupt(), 130, "Cancelled"),
    ],
)
def test_every_error_is_a_message_and_a_code(kdseg, command, error, code, words):
    called = kdseg(*command, runtime=BrokenRuntime(error))
    assert called.code == code
    assert words in called.err and "Traceback" not in called.err and called.out == ""


def test_debug_shows_the_traceback_as_well(kdseg):
    called = kdseg("info", "x", "--debug", runtime=BrokenRuntime(ZeroDivisionError("division by zero")))
    assert "Traceback" in called.err and "This is a bug" in called.err


def test_programs_get_errors_as_json(kdseg):
    called = kdseg("info", "x", "--json", runtime=BrokenRuntime(errors.EngineError("Stalled.", path="p")))
    assert called.code == 7 and called.err == ""
    (event,) = called.events
    assert event == {"event": "error", **errors.EngineError("Stalled.", path="p").as_dict()}


@pytest.mark.parametrize(("codes", "expected"), [([], 0), ([3], 3), ([3, 3], 3), ([3, 4], 1)])
def test_failures_share_a_code_or_give_1(codes, expected):
    assert common_exit_code(codes) == expected


def test_a_reader_that_leaves_is_no_error(repository, student):
    """As in ``kdseg info … | head -0``: the pipe is closed before anything is printed."""
    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
    process = subprocess.Popen(
        [sys.executable, "-m", "kdseg", "info", str(student)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=20) == 1 and message == b""
