"""``labels.csv``: Slicer's colour table with terminology.

One row for each structure; a code takes three columns, ``…_CodingScheme``, ``…_CodeValue`` and ``…_CodeMeaning``. Slicer's own
reader knows no quotation marks inside values, so none are allowed here.
"""

from __future__ import annotations

import csv
import io
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import BundleSchemaError
from kdseg.plans.model import LabelSystem
from kdseg.segmentation import Code, LabelEntry

HIGHEST_LABEL = 65535
"""Label maps are uint8 or uint16."""

_CODE_PARTS = ("CodingScheme", "CodeValue", "CodeMeaning")
_REQUIRED_CODES = ("Category", "Type")
_OPTIONAL_CODES = ("TypeModifier", "Region", "RegionModifier")
_BASE_COLUMNS = ("LabelValue", "Name", "Color_R", "Color_G", "Color_B", "Color_A")


def _columns_of(codes: Iterable[str]) -> Tuple[str, ...]:
    return tuple(f"{code}_{part}" for code in codes for part in _CODE_PARTS)


COLUMNS = _BASE_COLUMNS + _columns_of(_REQUIRED_CODES) + _columns_of(_OPTIONAL_CODES)
"""All columns, in the order in which they are written."""

REQUIRED_COLUMNS = frozenset(_BASE_COLUMNS[:5] + _columns_of(_REQUIRED_CODES))


def parse_labels_csv(content: bytes, source: str) -> Tuple[LabelEntry, ...]:
    """Read the table; the entries come in the order of their values.

    Parameters
    ----------
    content
        UTF-8 text, comma separated, with a header row.
    source
        Named in errors.

    Raises
    ------
    BundleSchemaError
        If the text is not CSV, a column is unknown or missing, or a row is not usable or there twice.
    """
    rows = _rows(content, source)
    header = rows[0] if rows else []
    if len(set(header)) != len(header) or not REQUIRED_COLUMNS.issubset(header) or not set(header).issubset(COLUMNS):
        raise _error("The columns are not those of a colour table with terminology.", ", ".join(COLUMNS), repr(header), source)
    entries = [_entry(header, row, number, source) for number, row in enumerate(rows[1:], start=2)]
    if not entries:
        raise _error("The table is empty.", "one row for each structure", "only a header", source)
    for what, values in (("label value", [str(e.value) for e in entries]), ("name", [e.name for e in entries])):
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            raise _error(f"A {what} is there twice.", "each once", ", ".join(twice), source)
    return tuple(sorted(entries, key=lambda e: e.value))


def format_labels_csv(entries: Sequence[LabelEntry]) -> bytes:
    """Write the table that :func:`parse_labels_csv` reads; rows in the order given, opaque colours."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for entry in entries:
        row: Dict[str, object] = {"LabelValue": entry.value, "Name": entry.name, "Color_A": 255}
        row.update(zip(("Color_R", "Color_G", "Color_B"), entry.color))
        codes = (entry.category, entry.type, entry.type_modifier, entry.region, entry.region_modifier)
        for prefix, code in zip(_REQUIRED_CODES + _OPTIONAL_CODES, codes):
            if code is not None:
                row.update(zip(_columns_of([prefix]), (code.scheme, code.value, code.meaning)))
        writer.writerow(row)
    return text.getvalue().encode("utf-8")


def painted_labels(labels: LabelSystem) -> Tuple[int, ...]:
    """Return every integer above 0 that inference can write, ascending: labels, or the integers painted for regions."""
    if labels.region_order is None:
        return labels.foreground_labels
    return tuple(sorted({v for v in labels.region_order if v > 0}))


def check_labels(entries: Sequence[LabelEntry], labels: LabelSystem, source: str) -> None:
    """Check that the table has a row for every integer that inference can write, and no other.

    Raises
    ------
    BundleSchemaError
        If a label is missing or not known to ``dataset.json``.
    """
    expected = list(painted_labels(labels))
    found = [e.value for e in entries]
    if found != expected:
        raise _error("labels.csv and dataset.json do not name the same labels.", str(expected), str(found), source)


def _rows(content: bytes, source: str) -> List[List[str]]:
    try:
        text = content.decode("utf-8")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _error("labels.csv is not a UTF-8 CSV file.", "comma separated text", str(error), source) from error
    return [row for row in rows if row]


def _entry(header: Sequence[str], row: Sequence[str], number: int, source: str) -> LabelEntry:
    if len(row) != len(header):
        raise _error(f"Row {number} has the wrong length.", f"{len(header)} values", f"{len(row)}", source)
    if any('"' in value or not (value == "" or value.isprintable()) for value in row):
        raise _error(
            f"Row {number} has characters that Slicer cannot read.", "printable, no quotation marks", repr(row), source
        )
    values = {column: value.strip() for column, value in zip(header, row)}
    name = values["Name"]
    if not name:
        raise _error(f"Row {number} has no name.", "a name", "nothing", source)
    _integer(values.get("Color_A", "255") or "255", 0, 255, f"Color_A of row {number}", source)
    red, green, blue = (_integer(values[f"Color_{c}"], 0, 255, f"Color_{c} of row {number}", source) for c in "RGB")
    return LabelEntry(
        value=_integer(values["LabelValue"], 1, HIGHEST_LABEL, f"LabelValue of row {number}", source),
        name=name,
        color=(red, green, blue),
        category=_required_code(values, "Category", number, source),
        type=_required_code(values, "Type", number, source),
        type_modifier=_code(values, "TypeModifier", number, source),
        region=_code(values, "Region", number, source),
        region_modifier=_code(values, "RegionModifier", number, source),
    )


def _integer(text: str, low: int, high: int, what: str, source: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and low <= int(text) <= high):
        raise _error(f"{what} is not usable.", f"an integer from {low} to {high}", repr(text), source)
    return int(text)


def _code(values: Mapping[str, str], prefix: str, number: int, source: str) -> Optional[Code]:
    parts = [values.get(column, "") for column in _columns_of([prefix])]
    if not any(parts):
        return None
    if not all(parts):
        raise _error(f"{prefix} of row {number} is incomplete.", "scheme, value and meaning, or none", repr(parts), source)
    return Code(*parts)


def _required_code(values: Mapping[str, str], prefix: str, number: int, source: str) -> Code:
    code = _code(values, prefix, number, source)
    if code is None:
        raise _error(f"{prefix} of row {number} is missing.", "scheme, value and meaning", "nothing", source)
    return code


def _error(problem: str, expected: str, found: str, source: str) -> BundleSchemaError:
    return BundleSchemaError(problem, expected=expected, found=found[:300], path=source)
