"""Tables that a screen reader can follow and a narrow screen can scroll."""

from __future__ import annotations

import re
from typing import AbstractSet, List, Optional, Sequence, Union

from kdseg_training.evaluation.report.markup import Content, Markup, join, tag

Cell = Union[str, Markup]

_WITH_RANGE = re.compile(r"(.*?) (\([^()]* to [^()]*\))(.*)")


def _shown(cell: Cell) -> Cell:
    """Return a number with a true minus, and its interval in a line of its own, which keeps tables narrow."""
    if isinstance(cell, Markup):
        return cell
    text = cell.replace("-", "−")
    found = _WITH_RANGE.fullmatch(text)
    if found is None:
        return text
    value, interval, rest = found.groups()
    return join(value + rest, " ", tag("span", interval, class_="interval"))


class Table:
    """A table that is filled row by row.

    Parameters
    ----------
    caption
        What it shows.
    columns
        Headings.
    words
        Places of the columns with words; the others hold numbers.
    """

    def __init__(self, caption: Content, columns: Sequence[Cell], words: AbstractSet[int] = frozenset({0})) -> None:
        self._caption, self._columns, self._words = caption, columns, words
        self._rows: List[Markup] = []

    def add(self, *cells: Cell, heading: Optional[Cell] = None, spans: int = 1) -> None:
        """Add a row.

        Parameters
        ----------
        cells
            Of the row, without its heading.
        heading
            The first cell, which names the row; None where the one above spans this row, too.
        spans
            Rows that the heading stands for.
        """
        parts = []
        if heading is not None:
            over = str(spans) if spans > 1 else None
            parts.append(tag("th", heading, scope="rowgroup" if over else "row", rowspan=over))
        first = len(self._columns) - len(cells)
        for place, cell in enumerate(cells, start=first):
            is_word = place in self._words
            parts.append(tag("td", cell if is_word else _shown(cell), class_=None if is_word else "number"))
        self._rows.append(tag("tr", parts, class_=None if heading is None else "group"))

    def markup(self) -> Markup:
        """Return the table."""
        head = [
            tag("th", column, scope="col", class_=None if place in self._words else "number")
            for place, column in enumerate(self._columns)
        ]
        caption = tag("caption", self._caption)
        table = tag("table", caption, tag("thead", tag("tr", head)), tag("tbody", self._rows))
        return tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Table; scroll sideways if it is cut")
