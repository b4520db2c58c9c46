"""Students and MeshNet beside atlases that others drew on the same heads: Dice for the classes that an atlas has.

    python Examples/brain/evaluate_atlases.py MESHNET HEADS --student NAME=FOLDER … --bundle BUNDLE --atlas NAME=FILE … \
        --output FOLDER

HEADS is compare_meshnet.py's output: its HEAD_student.nii.gz gives the grid, its HEAD_meshnet.nii.gz is MeshNet's result. Each
FOLDER holds a student's results, HEAD_student.nii.gz again; the classes of all students are those of BUNDLE. Names of atlases
are those of atlases.yaml, which says on which head each was drawn. Writes atlases.md.

An atlas is no truth: other people drew it by other rules, two of the three on an average of many heads. What it can tell is
which of two programs is nearer to what it says, for both alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 (its own documentation's name)
import yaml
from compare_meshnet import MEMBERS, Labels, merged, meshnet_numbers, student_numbers

from kdseg.atomic import write_bytes

ATLASES = Path(__file__).resolve().with_name("atlases.yaml")

MESHNET = "MeshNet"
"""Title of its column."""

Table = Dict[str, List[float]]


def atlas_labels(path: Path, least: int, grid: sitk.Image) -> npt.NDArray[np.integer]:
    """Return an atlas on a grid, shape (z, y, x): its numbers, or of one volume per structure the most probable's (from 0)."""
    image = sitk.ReadImage(str(path))
    outside = 0
    if image.GetDimension() == 4:
        shares = sitk.GetArrayFromImage(image)
        best = np.where(shares.max(0) < least, -1, shares.argmax(0)).astype(np.int16)
        first, outside = image[..., 0], -1
        image = sitk.GetImageFromArray(best)
        image.CopyInformation(first)
    moved = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, outside)
    return sitk.GetArrayFromImage(moved)


def numbers(given: Any) -> Sequence[int]:
    """Return a list of numbers, also of ``first-last``."""
    if isinstance(given, str):
        first, last = map(int, given.split("-"))
        return range(first, last + 1)
    return [int(value) for value in given]


def dice(result: Labels, name: str, truth: npt.NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of one class."""
    own = result == list(MEMBERS).index(name) + 1
    if not truth.any():
        raise SystemExit(f"{name}: the atlas has none of its numbers on this head.")
    return float(2 * (own & truth).sum() / (own.sum() + truth.sum()))


def evaluate(atlas: Dict[str, Any], path: Path, results: Dict[str, Labels], grid: sitk.Image) -> Table:
    """Return Dice by class, in the order of the results."""
    labels = atlas_labels(path, int(atlas.get("least", 0)), grid)
    truths = {name: np.isin(labels, list(numbers(given))) for name, given in atlas["classes"].items()}
    return {name: [dice(result, name, truth) for result in results.values()] for name, truth in truths.items()}


def markdown(tables: Dict[str, Table], titles: Sequence[str]) -> str:
    """Return one table of all atlases, with the mean of each."""
    lines = ["| atlas | class | " + " | ".join(titles) + " |", "|---|---|" + "---:|" * len(titles)]
    for atlas, table in tables.items():
        lines += [f"| {atlas} | {name} | " + " | ".join(f"{v:.3f}" for v in row) + " |" for name, row in table.items()]
        means = np.mean(list(table.values()), axis=0)
        lines.append(f"| {atlas} | **mean** | " + " | ".join(f"**{v:.3f}**" for v in means) + " |")
    return "\n".join(lines) + "\n"


def pair(text: str) -> Tuple[str, Path]:
    """Parse NAME=PATH."""
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, found {text}")
    return name, Path(path)


def refused(students: Sequence[str], atlases: Sequence[str], known: Sequence[str]) -> str:
    """Return why names cannot be used, empty if they can: of two results or atlases with one name the table would lose one."""
    for option, names in (("--student", students), ("--atlas", atlases)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            return f"{option}: expected a name of its own for each, found {', '.join(twice)} more than once"
    if MESHNET in students:
        return f"--student: expected another name, as that is MeshNet's column, found {MESHNET}"
    unknown = [name for name in atlases if name not in known]
    return f"--atlas: expected some of {', '.join(known)}, found {', '.join(unknown)}" if unknown else ""


def main() -> None:
    """Compare all results with all atlases and write the table."""
    parser = argparse.ArgumentParser(description="Students and MeshNet beside atlases.")
    parser.add_argument("meshnet", type=Path)
    parser.add_argument("heads", type=Path)
    parser.add_argument("--student", type=pair, nargs="+", action="extend", required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--atlas", type=pair, nargs="+", action="extend", required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    known = yaml.safe_load(ATLASES.read_text(encoding="utf-8"))
    titles = [title for title, _ in given.student]
    refusal = refused(titles, [name for name, _ in given.atlas], list(known))
    if refusal:
        parser.error(refusal)
    ours, theirs = student_numbers(given.bundle), meshnet_numbers(given.meshnet)
    tables: Dict[str, Table] = {}
    for name, path in given.atlas:
        head = known[name]["head"]
        grid = sitk.ReadImage(str(given.heads / f"{head}_student.nii.gz"))
        results = {title: merged(folder / f"{head}_student.nii.gz", ours, grid) for title, folder in given.student}
        results[MESHNET] = merged(given.heads / f"{head}_meshnet.nii.gz", theirs, grid)
        tables[name] = evaluate(known[name], path, results, grid)
    text = markdown(tables, [*titles, MESHNET])
    given.output.mkdir(parents=True, exist_ok=True)
    write_bytes(given.output / "atlases.md", text.encode())
    print(text)


if __name__ == "__main__":
    main()
