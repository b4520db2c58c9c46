"""The curves of a run, read from the tables that it writes after each epoch."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.distil.folder import StudentFolder


class Quantity(Enum):
    """What a chart shows; the values are names of columns, or how they begin."""

    PSEUDO_DICE = "pseudo_dice_mean"
    PSEUDO_DICE_BY_STRUCTURE = "pseudo_dice_"
    LOSSES = "loss_"
    LEARNING_RATE = "learning_rate"
    SECONDS = "seconds_epoch"


@dataclass(frozen=True)
class Curve:
    """One line of a chart; ``values`` has one number for each epoch, NaN where there is none."""

    title: str
    values: Tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """The lines of a chart over the epochs, which count from 1."""

    epochs: Tuple[int, ...]
    lines: Tuple[Curve, ...]


Table = Mapping[str, Sequence[float]]
"""Column → numbers, one for each epoch."""


def read_table(path: Path) -> Dict[str, List[float]]:
    """Read the table of a student; empty where there is none yet. What is not a number becomes NaN."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    rows = list(csv.DictReader(io.StringIO(text)))
    names = [name for name in (rows[0] if rows else {}) if name]
    return {name: [_number(row.get(name)) for row in rows] for name in names}


def select(tables: Mapping[str, Table], quantity: Quantity) -> Curves:
    """Return the lines for one quantity.

    Parameters
    ----------
    tables
        Student → its table.
    quantity
        What to show.
    """
    length = max((len(table.get("epoch", ())) for table in tables.values()), default=0)
    lines = []
    for student, table in tables.items():
        for column, title in _columns(table, quantity):
            values = tuple(table[column])
            padded = values + (math.nan,) * (length - len(values))
            lines.append(Curve(f"{student}: {title}" if title else student, padded))
    return Curves(tuple(range(1, length + 1)), tuple(lines))


class Tables:
    """The tables of a run's students, read again only when their files changed.

    Attributes
    ----------
    version
        Grows when a table changed.
    """

    def __init__(self) -> None:
        self.version = 0
        self._known: Dict[Path, Tuple[Tuple[int, int], Dict[str, List[float]]]] = {}

    def read(self, students: Sequence[StudentFolder]) -> Dict[str, Dict[str, List[float]]]:
        """Return the table of each student, by its name."""
        return {student.name: self._table(student.table) for student in students}

    def _table(self, path: Path) -> Dict[str, List[float]]:
        try:
            status = path.stat()
        except OSError:
            return {}
        stamp = (status.st_mtime_ns, status.st_size)
        if path not in self._known or self._known[path][0] != stamp:
            self._known[path] = (stamp, read_table(path))
            self.version += 1
        return self._known[path][1]


def last(table: Table, column: str) -> float:
    """Return the last number of a column; NaN without one."""
    values = table.get(column, ())
    return values[-1] if len(values) else math.nan


def axis_title(quantity: Quantity) -> str:
    """Return the title of the vertical axis, with its unit."""
    return {
        Quantity.PSEUDO_DICE: _("Pseudo Dice, mean"),
        Quantity.PSEUDO_DICE_BY_STRUCTURE: _("Pseudo Dice"),
        Quantity.LOSSES: _("Loss"),
        Quantity.LEARNING_RATE: _("Learning rate"),
        Quantity.SECONDS: _("Time for an epoch [s]"),
    }[quantity]


def _columns(table: Table, quantity: Quantity) -> List[Tuple[str, str]]:
    if quantity in (Quantity.PSEUDO_DICE, Quantity.LEARNING_RATE, Quantity.SECONDS):
        return [(quantity.value, "")] if quantity.value in table else []
    prefix, left_out = quantity.value, Quantity.PSEUDO_DICE.value
    return [(name, name[len(prefix) :]) for name in table if name.startswith(prefix) and name != left_out]


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return math.nan
