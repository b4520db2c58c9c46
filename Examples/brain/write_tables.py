"""Put what the other scripts measured into docs/results/brain.md, between its markers, so that nobody copies numbers by hand.

    python Examples/brain/write_tables.py --real FOLDER --meshnet FOLDER --atlases FOLDER --held-back FOLDER --drawn FOLDER \
        --twins FOLDER --arms FOLDER --arms-real FOLDER [FOLDER …]

The folders are those that evaluate_real.py, compare_meshnet.py, evaluate_atlases.py, kdseg-training evaluate and
evaluate_drawn.py wrote; the first and the last of these also for other networks of the recipe. The heads of evaluate_real.py
keep their order; the last one is the symmetric template.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from kdseg.atomic import write_bytes

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "results" / "brain.md"
LEFT, RIGHT = "Left ", "Right "

PATTERN = re.compile(r"\| (?P<head>[^|]+) \| (?P<change>[^|]+) \| (?P<mean>[\d.]+) \| (?P<worst>[\d.]+) \((?P<name>[^|]+)\) \|")
"""One change of one head in robustness.md."""

OTHER_ROWS = re.compile(r"\| head \||\|---|\| [^|]+ \| as it is \|")
"""The header, and the rows of unchanged heads."""

Values = Dict[str, float]


def sided(names: List[str]) -> List[Tuple[str, str, Optional[str]]]:
    """Return title, left and right name of every pair, in the order of the left ones; single structures have no right one."""
    rows: List[Tuple[str, str, Optional[str]]] = []
    for name in names:
        if name.startswith(LEFT):
            rows.append((name[len(LEFT) :], name, RIGHT + name[len(LEFT) :]))
        elif not name.startswith(RIGHT):
            rows.append((name, name, None))
    return rows


def volumes(folder: Path) -> Dict[str, Values]:
    """Return millilitres by head and structure."""
    found: Dict[str, Values] = {}
    with (folder / "volumes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["head"], {})[row["structure"]] = float(row["volume_ml"])
    return found


def volume_table(heads: Dict[str, Values]) -> List[str]:
    """Return left and right of every structure, head by head."""
    titles = " | ".join(f"{head}, left | right" for head in heads)
    lines = [f"| structure | {titles} |", "|---|" + "---:|" * (2 * len(heads))]
    for title, left, right in sided(list(next(iter(heads.values())))):
        cells = [_ml(None if name is None else values[name]) for values in heads.values() for name in (left, right)]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _ml(value: Optional[float]) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def asymmetries(values: Values) -> List[str]:
    """Return by how much the larger side exceeds the smaller one, the largest first, from 5 % on."""
    found = []
    for title, left, right in sided(list(values)):
        if right is not None:
            small, large = sorted((values[left], values[right]))
            found.append((large / small - 1 if small else float("inf"), title, LEFT if values[left] > values[right] else RIGHT))
    parts = [
        f"{title} {share:.0%} ({side.strip().lower()})" for share, title, side in sorted(found, reverse=True) if share >= 0.05
    ]
    return [f"Larger side of the template, by: {', '.join(parts) or 'less than 5 % everywhere'}."]


def changes(text: str) -> List[re.Match[str]]:
    """Return the changes of all heads in robustness.md; a row that cannot be read, such as one without a number, is refused."""
    rows = [line for line in text.splitlines() if line and not OTHER_ROWS.match(line)]
    matches = [PATTERN.match(line) for line in rows]
    unread = [line for line, match in zip(rows, matches, strict=True) if match is None]
    if unread or not matches:
        raise SystemExit(f"robustness.md: expected a number for every change, found {unread[:3] or 'no changes'}")
    return [match for match in matches if match is not None]


def robustness_table(text: str) -> List[str]:
    """Return mean Dice by change and head, and the worst structure of all heads."""
    cells: Dict[str, Dict[str, Tuple[str, float, str]]] = {}
    for match in changes(text):
        worst = (match["mean"], float(match["worst"]), match["name"])
        cells.setdefault(match["change"], {})[match["head"]] = worst
    heads = list(next(iter(cells.values())))
    lines = [f"| change | {' | '.join(heads)} | worst structure |", "|---|" + "---:|" * len(heads) + "---|"]
    for change, row in cells.items():
        _, value, name = min(row.values(), key=lambda cell: cell[1])
        lines.append(f"| {change} | {' | '.join(row[head][0] for head in heads)} | {value:.3f} ({name}) |")
    return lines


def arms_table(texts: Mapping[str, str]) -> List[str]:
    """Return the mean over all heads by change and student, from each student's robustness.md."""
    cells: Dict[str, Dict[str, List[float]]] = {}
    for student, text in texts.items():
        for match in changes(text):
            cells.setdefault(match["change"], {}).setdefault(student, []).append(float(match["mean"]))
    lines = [f"| change | {' | '.join(texts)} |", "|---|" + "---:|" * len(texts)]
    for change, row in cells.items():
        lines.append(f"| {change} | {' | '.join(f'{sum(row[name]) / len(row[name]):.3f}' for name in texts)} |")
    return lines


def dice_table(folder: Path) -> List[str]:
    """Return the Dice of every structure, left and right, and the mean, from averages.csv and cases.csv."""
    means: Values = {}
    with (folder / "averages.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["metric"], row["policy"]) == ("dice", "penalised"):
                means[row["structure"]] = float(row["mean"])
    cases: Dict[str, List[float]] = {}
    with (folder / "cases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cases.setdefault(row["case"], []).extend([float(row["dice"])] if row["dice"] else [])
    each = [sum(values) / len(values) for values in cases.values()]
    lines = ["| structure | left | right |", "|---|---:|---:|"]
    for title, left, right in sided(list(means)):
        lines.append(f"| {title} | {means[left]:.3f} | {'' if right is None else f'{means[right]:.3f}'} |")
    shown = ", ".join(f"{value:.3f}" for value in each)
    return [f"Mean Dice {sum(each) / len(each):.3f} ({shown}; n = {len(each)}).", "", *lines]


def put(document: str, name: str, lines: List[str]) -> str:
    """Replace what lies between the markers of a table."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if document.count(start) != 1 or document.count(end) != 1:
        raise SystemExit(f"{DOCUMENT}: expected {start.strip()} and {end}, once each.")
    before, rest = document.split(start)
    return before + start + "\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1]


def main() -> None:
    """Read, and write the document anew."""
    parser = argparse.ArgumentParser(description="Put measured tables into docs/results/brain.md.")
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--meshnet", type=Path, required=True)
    parser.add_argument("--atlases", type=Path, required=True)
    parser.add_argument("--held-back", type=Path, required=True)
    parser.add_argument("--drawn", type=Path, required=True)
    parser.add_argument("--twins", type=Path, required=True)
    parser.add_argument("--arms", type=Path, required=True)
    parser.add_argument("--arms-real", type=Path, nargs="+", required=True, help="named after the arms")
    given = parser.parse_args()
    heads = volumes(given.real)
    document = DOCUMENT.read_text(encoding="utf-8")
    document = put(document, "volumes", volume_table(heads))
    document = put(document, "asymmetries", asymmetries(list(heads.values())[-1]))
    document = put(document, "robustness", robustness_table((given.real / "robustness.md").read_text(encoding="utf-8")))
    document = put(document, "meshnet", (given.meshnet / "meshnet.md").read_text(encoding="utf-8").strip().splitlines())
    document = put(document, "atlases", (given.atlases / "atlases.md").read_text(encoding="utf-8").strip().splitlines())
    document = put(document, "held back", dice_table(given.held_back))
    for name, folder in (("drawn", given.drawn), ("twins", given.twins), ("arms", given.arms)):
        document = put(document, name, (folder / "drawn.md").read_text(encoding="utf-8").strip().splitlines())
    texts = {folder.name: (folder / "robustness.md").read_text(encoding="utf-8") for folder in given.arms_real}
    document = put(document, "arms robustness", arms_table(texts))
    write_bytes(DOCUMENT, document.encode())


if __name__ == "__main__":
    main()
