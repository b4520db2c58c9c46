"""What people, logs and programs are told."""

from __future__ import annotations

import io
import json

import pytest

from kdseg.cli.console import Console, align, describe_error, format_bytes, format_seconds
from kdseg.errors import OutputError
from kdseg.progress import Progress, Stage


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class OldTerminal(Terminal):
    encoding = "ascii"


def a_console(err=None, **options):
    out, err = io.StringIO(), err or io.StringIO()
    return Console(out=out, err=err, **options), out, err


def test_a_terminal_gets_one_bar_that_is_removed_in_the_end():
    console, out, err = a_console(Terminal())
    console.begin_case("scan", 1, 1)
    console.progress(Progress(Stage.NETWORK, 0.5, 12.0))
    assert "network" in err.getvalue() and " 50%, 12 s left" in err.getvalue()
    assert err.getvalue().count("█") == 12 and err.getvalue().count("░") == 12
    console.end_case()
    assert "\n" not in err.getvalue()
    assert err.getvalue().endswith("\r") and err.getvalue().split("\r")[-2].strip() == ""
    assert out.getvalue() == "scan\n"


def test_a_terminal_without_blocks_gets_plain_characters():
    console, _, err = a_console(OldTerminal())
    console.progress(Progress(Stage.READ, 1.0))
    assert "#" * 24 in err.getvalue() and err.getvalue().isascii()


def test_a_message_does_not_run_into_the_bar():
    console, _, err = a_console(Terminal())
    console.progress(Progress(Stage.READ, 0.5))
    console.error(OutputError("Full."))
    assert err.getvalue().split("\r")[-1] == "Error: Full.\n"


def test_a_log_gets_a_line_for_each_quarter():
    console, _, err = a_console()
    for step in range(101):
        console.progress(Progress(Stage.NETWORK, step / 100, float(100 - step)))
    assert err.getvalue().splitlines() == [
        "  network:  25%, 1 min 15 s left",
        "  network:  50%, 50 s left",
        "  network:  75%, 25 s left",
        "  network: 100%",
    ]


def test_programs_get_json_lines_and_nothing_else():
    console, out, err = a_console(json_lines=True)
    console.begin_case("scan ü", 1, 2)
    console.say("for people")
    console.progress(Progress(Stage.NETWORK, 0.0))
    console.progress(Progress(Stage.NETWORK, 0.001))  # too soon after the first
    console.progress(Progress(Stage.NETWORK, 1.0, 0.0))
    console.error(OutputError("Full.", path="x"), case="scan ü")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["case", "progress", "progress", "error"]
    assert [line["fraction"] for line in lines[1:3]] == [0.0, 1.0]
    assert lines[1] == {
        "event": "progress",
        "case": "scan ü",
        "stage": "network",
        "fraction": 0.0,
        "seconds_left": None,
    }
    assert lines[3]["exit_code"] == 6 and lines[3]["path"] == "x" and lines[3]["case"] == "scan ü"
    assert err.getvalue() == "" and out.getvalue().isascii()


def test_quiet_tells_errors_only():
    console, out, err = a_console(Terminal(), quiet=True)
    console.begin_case("scan", 1, 1)
    console.progress(Progress(Stage.READ, 0.5))
    console.say("for people")
    console.error(OutputError("Full."))
    assert out.getvalue() == "" and err.getvalue() == "Error: Full.\n"


def test_an_error_says_all_it_knows():
    error = OutputError("Full.", expected="room", found="none", path="a.nrrd", remedy="Delete something.")
    assert describe_error(error) == [
        "Error: a.nrrd: Full.",
        "  expected: room",
        "  found: none",
        "  what to do: Delete something.",
    ]


def test_columns_are_aligned():
    assert align([("a", "1"), ("long", "22", "x"), ("b",)]) == ["a     1", "long  22  x", "b"]
    assert align([]) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s")],
)
def test_durations(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(300 * 2**20, "300 MiB"), (2**30, "1.00 GiB"), (2.5 * 2**30, "2.50 GiB")])
def test_sizes(size, text):
    assert format_bytes(size) == text
