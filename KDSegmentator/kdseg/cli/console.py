"""What the command line prints: a progress bar for people, plain lines for logs, JSON lines for programs."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Any, Dict, List, Optional, Sequence, TextIO, Tuple

from kdseg.errors import KDSegError
from kdseg.progress import Progress, Stage

INTERVAL_S = 0.1
"""The bar, or the JSON lines of one stage, are renewed at most this often, in seconds."""

PLAIN_STEP = 0.25
"""Without a terminal a line is printed for each such share of a stage …"""

PLAIN_INTERVAL_S = 30.0
"""… and after so many seconds without one."""

_BAR_WIDTH = 24


class Console:
    """Prints for people on a terminal, for people reading a log, or for programs.

    Parameters
    ----------
    json_lines
        Print one JSON object per line on ``out``, each with a key ``event``, and nothing else.
    quiet
        Print only errors and warnings (and, with ``json_lines``, results and errors).
    out, err
        Where results, and where progress and errors go.
    """

    def __init__(
        self,
        *,
        json_lines: bool = False,
        quiet: bool = False,
        out: Optional[TextIO] = None,
        err: Optional[TextIO] = None,
    ) -> None:
        self.json_lines = json_lines
        self.quiet = quiet
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err
        self._terminal = not json_lines and not quiet and self._err.isatty()
        self._bar_is_open = False
        self._last: Dict[Stage, float] = {}
        self._plain: Dict[Stage, Tuple[float, float]] = {}
        self._case = ""

    def event(self, name: str, /, **data: Any) -> None:
        """Print one JSON line; nothing for people."""
        if self.json_lines:
            self._print(json.dumps({"event": name, **data}, ensure_ascii=True, allow_nan=False), self._out)

    def say(self, text: str) -> None:
        """Print a line for people."""
        if not self.json_lines and not self.quiet:
            self._print(text, self._out)

    def warn(self, text: str) -> None:
        """Print a line that people must not miss, also if quiet; programs find it in the result's ``warnings``."""
        if not self.json_lines:
            self._print(text, self._err)

    def error(self, error: KDSegError, **data: Any) -> None:
        """Print an error: what is wrong on the first line, then what was expected, found, and what to do."""
        self.event("error", **data, **error.as_dict())
        if not self.json_lines:
            self._print("\n".join(describe_error(error)), self._err)

    def begin_case(self, name: str, index: int, count: int) -> None:
        """Start the progress of one case; ``index`` counts from 1."""
        self._last, self._plain, self._case = {}, {}, name
        if not self.quiet:
            self.event("case", case=name, index=index, count=count)
        self.say(f"[{index}/{count}] {name}" if count > 1 else name)

    def progress(self, progress: Progress) -> None:
        """Show how far a stage is."""
        if self.quiet:
            return
        if not self.json_lines and not self._terminal:
            self._progress_line(progress)
        elif self._is_due(progress):
            (self._progress_event if self.json_lines else self._progress_bar)(progress)

    def end_case(self) -> None:
        """Remove the bar."""
        self._close_bar()

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in aligned columns."""
        for line in align(rows):
            self.say(line)

    def _is_due(self, progress: Progress) -> bool:
        """Tell whether to show this: the first and the last of a stage, and others now and then."""
        now = time.monotonic()
        previous = self._last.get(progress.stage)
        due = previous is None or progress.fraction >= 1 or now - previous >= INTERVAL_S
        if due:
            self._last[progress.stage] = now
        return due

    def _progress_event(self, progress: Progress) -> None:
        left = None if progress.seconds_left is None else round(progress.seconds_left, 2)
        fraction = round(progress.fraction, 4)
        self.event("progress", case=self._case, stage=progress.stage.value, fraction=fraction, seconds_left=left)

    def _progress_line(self, progress: Progress) -> None:
        reached, now = progress.fraction // PLAIN_STEP, time.monotonic()
        last = self._plain.setdefault(progress.stage, (0.0, now))
        if reached > last[0] or now - last[1] >= PLAIN_INTERVAL_S:
            self._plain[progress.stage] = (reached, now)
            self._print(f"  {progress.stage.value}: {progress.fraction:4.0%}{_time_left(progress)}", self._err)

    def _progress_bar(self, progress: Progress) -> None:
        columns = shutil.get_terminal_size().columns
        done = round(_BAR_WIDTH * min(max(progress.fraction, 0.0), 1.0))
        full, empty = ("█", "░") if _can_encode(self._err, "█░") else ("#", "-")
        bar = full * done + empty * (_BAR_WIDTH - done)
        line = f"  {progress.stage.value:<20} {bar} {progress.fraction:4.0%}{_time_left(progress)}"
        self._err.write("\r" + line[: columns - 1].ljust(min(columns - 1, 79)))
        self._err.flush()
        self._bar_is_open = True

    def _close_bar(self) -> None:
        if self._bar_is_open:
            self._err.write("\r" + " " * min(shutil.get_terminal_size().columns - 1, 79) + "\r")
            self._err.flush()
            self._bar_is_open = False

    def _print(self, text: str, stream: TextIO) -> None:
        self._close_bar()
        stream.write(text + "\n")
        stream.flush()


def describe_error(error: KDSegError) -> List[str]:
    """Return the lines that tell a person about an error."""
    lines = [f"Error: {error.problem if error.path is None else f'{error.path}: {error.problem}'}"]
    lines += [f"  {key}: {text}" for key, text in (("expected", error.expected), ("found", error.found)) if text]
    if error.remedy:
        lines.append(f"  what to do: {error.remedy}")
    return lines


def align(rows: Sequence[Sequence[str]]) -> List[str]:
    """Return rows as lines with aligned columns."""
    count = max((len(r) for r in rows), default=0)
    widths = [max((len(r[i]) for r in rows if len(r) > i), default=0) for i in range(count)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def format_seconds(seconds: float) -> str:
    """Write a duration: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def format_bytes(size: float) -> str:
    """Write a size in GiB or MiB."""
    return f"{size / 1024**3:.2f} GiB" if size >= 1024**3 else f"{size / 1024**2:.0f} MiB"


def tolerate_any_name(*streams: TextIO) -> None:
    """Let the streams print every file name, also where the terminal's encoding lacks a character."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _time_left(progress: Progress) -> str:
    if progress.seconds_left is None or progress.fraction >= 1:
        return ""
    return f", {format_seconds(progress.seconds_left)} left"


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
