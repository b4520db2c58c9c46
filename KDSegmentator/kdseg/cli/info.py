"""``kdseg info``: the card of a student."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from pathlib import Path
from typing import List, Sequence, Tuple

from kdseg.cli.console import Console
from kdseg.cli.runtime import Runtime

_NARROWEST, _WIDEST = 50, 110


def run_info(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    """Print the card, or with ``--json`` the bundle's document, and return the exit code.

    Raises
    ------
    BundleError
        If the bundle is not usable.
    """
    student = runtime.load_student(Path(arguments.bundle))
    for line in wrap_rows(runtime.card(student), shutil.get_terminal_size((100, 24)).columns):
        console.say(line)
    console.event(
        "info",
        path=arguments.bundle,
        name=student.name,
        version=student.version,
        sha256=student.digest,
        model_sha256=student.model_sha256,
        structures=[{"value": e.value, "name": e.name, "color": list(e.color)} for e in student.entries],
        document=student.document,
    )
    return 0


def wrap_rows(rows: Sequence[Tuple[str, str]], columns: int) -> List[str]:
    """Return a card's rows as lines, long texts wrapped under themselves."""
    columns = min(max(columns, _NARROWEST), _WIDEST)
    label_width = max((len(label) for label, _ in rows), default=0) + 2
    lines: List[str] = []
    for label, text in rows:
        wrapped = textwrap.wrap(text, max(20, columns - label_width)) or [""]
        lines.append((label.ljust(label_width) + wrapped[0]).rstrip())
        lines.extend(" " * label_width + rest for rest in wrapped[1:])
    return lines
