"""How brain students hold up when the contrast changes, where truth is known: Dice on drawn heads, the same for all students.

    python Examples/brain/evaluate_drawn.py PREPARED BUNDLE [BUNDLE …] --output FOLDER [--label-map NAME …]

PREPARED is WORK/cpu/preprocessed/Dataset010_BrainCPU/synthesis; heads are drawn from its validation label maps, as many of
each kind of contrast, each with a place and a shape of its own; some are cut, as in training. Writes drawn.csv and drawn.md:
mean Dice per contrast, and over all heads the difference to the first student with its interval. The interval is over drawings
of the same few label maps, not over people. To choose between students on one label map and report on another, name them.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 (its own documentation's name)

from kdseg.atomic import write_bytes
from kdseg.bundle import load_student
from kdseg.io import read_volume
from kdseg.limits import Limits
from kdseg.pipeline import segment
from kdseg.student import Student
from kdseg_training.metrics.bootstrap import bootstrap_differences
from kdseg_training.synthesis.generator import Generator, Sample
from kdseg_training.synthesis.label_map import LabelMap
from kdseg_training.synthesis.prepared import Prepared, open_prepared
from kdseg_training.synthesis.settings import ContrastSettings

CONTRASTS = ("t1", "inverted", "related", "free")
"""Kinds of contrast, see :class:`~kdseg_training.synthesis.settings.ContrastSettings`."""

EXTENT_MM = (168.0, 192.0, 168.0)
"""Of a drawn image along z, y, x: about a brain's."""

Dice = npt.NDArray[np.float64]


def only(contrast: str, settings: ContrastSettings) -> ContrastSettings:
    """Return settings with which nothing but one kind of contrast is drawn."""
    return settings.model_copy(update={kind: float(kind == contrast) for kind in CONTRASTS})


def generator(prepared: Prepared, contrast: str) -> Generator:
    """Return what draws heads of one kind of contrast; all else varies as in training."""
    appearance = prepared.appearance.model_copy(update={"contrast": only(contrast, prepared.appearance.contrast)})
    z, y, x = (round(mm / prepared.spacing_mm) for mm in EXTENT_MM)
    return Generator(prepared.anatomy, appearance, shape=(z, y, x), spacing_mm=(prepared.spacing_mm,) * 3)


def dice(found: npt.NDArray[np.integer], truth: npt.NDArray[np.integer], classes: int) -> Dice:
    """Return the Dice coefficient of every structure (1 … ``classes``); NaN where the drawn head does not show it."""
    sizes, own = (np.bincount(labels.ravel(), minlength=classes + 1) for labels in (truth, found))
    both = np.bincount(truth[found == truth].ravel(), minlength=classes + 1)
    values = 2 * both / np.maximum(sizes + own, 1)
    return np.where(sizes > 0, values, np.nan)[1:]


def measure(sample: Sample, spacing_mm: float, students: Dict[str, Student], threads: int) -> Dict[str, Dice]:
    """Return each student's Dice on one drawn head, file to file as its user would."""
    truth = sample.target[0].numpy()
    image = sitk.GetImageFromArray(sample.image[0].numpy())
    image.SetSpacing((spacing_mm,) * 3)
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))  # samples run along R, A, S
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.nii.gz"
        sitk.WriteImage(image, str(path))
        volume = read_volume(path)
    classes = {name: len(student.entries) for name, student in students.items()}
    return {
        name: dice(segment(volume, student, limits=Limits(threads=threads)).labels, truth, classes[name])
        for name, student in students.items()
    }


def open_students(paths: Sequence[Path], structures: Sequence[str]) -> Dict[str, Student]:
    """Read the bundles; every student must know these structures by these names, in this order."""
    students: Dict[str, Student] = {}
    for path in paths:
        student = load_student(path)
        names = [entry.name for entry in sorted(student.entries, key=lambda entry: entry.value)]
        if names != list(structures):
            different = [f"{want} / {have}" for want, have in zip(structures, names, strict=False) if want != have][:3]
            sys.exit(f"{path}: expected the {len(structures)} structures of the label maps, found {len(names)}: {different}")
        if path.name in students:
            sys.exit(f"{path}: there is another bundle of that name; give one of them another name.")
        students[path.name] = student
    return students


def chosen(prepared: Prepared, names: Sequence[str]) -> List[LabelMap]:
    """Return the validation label maps of these names, all of them for no name."""
    known = {label_map.name: label_map for label_map in prepared.validation}
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"--label-map: expected some of {', '.join(known)}, found {', '.join(unknown)}")
    return [known[name] for name in names] or list(known.values())


def mean(rows: Sequence[Dice]) -> float:
    """Return the mean over structures of their means over heads; structures that no head shows are left out."""
    matrix = shown(np.stack(rows))
    return float(np.mean(np.nanmean(matrix, axis=0)))


def shown(matrix: Dice) -> Dice:
    """Return the columns of the structures that some head shows."""
    return matrix[:, ~np.isnan(matrix).all(axis=0)]


def table(values: Dict[str, List[Tuple[str, Dice]]]) -> List[str]:
    """Return the lines of drawn.md; ``values`` has for each student its contrasts with Dice per structure."""
    first = next(iter(values))
    heads = len(values[first])
    lines = [f"| student | {' | '.join(CONTRASTS)} | all {heads} | against {first} (95 % interval) |", "|---|" + "---:|" * 6]
    for name, rows in values.items():
        means = [mean([row for kind, row in rows if kind == contrast]) for contrast in CONTRASTS]
        numbers = " | ".join(f"{m:.3f}" for m in [*means, mean([row for _, row in rows])])
        lines.append(f"| {name} | {numbers} | {'' if name == first else difference(values[first], rows)} |")
    return lines


def difference(first: List[Tuple[str, Dice]], other: List[Tuple[str, Dice]]) -> str:
    """Return the difference of two students' means with its interval."""
    one, two = (shown(np.stack([row for _, row in rows])) for rows in (first, other))
    interval = bootstrap_differences(one, two).macro
    return f"{interval.estimate:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def main() -> None:
    """Draw, segment, compare."""
    parser = argparse.ArgumentParser(description="Dice of brain students on drawn heads of every contrast.")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--label-map", nargs="+", default=[], metavar="NAME", help="of the validation label maps only these")
    parser.add_argument("--number", type=int, default=8, help="drawn heads of each kind of contrast")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first one")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    prepared = open_prepared(given.prepared)
    label_maps = chosen(prepared, given.label_map)
    students = open_students(given.bundles, prepared.anatomy.structures)
    values: Dict[str, List[Tuple[str, Dice]]] = {name: [] for name in students}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["contrast", "label_map", "seed", "student", "mean_dice"])
    for kind, contrast in enumerate(CONTRASTS):
        drawer = generator(prepared, contrast)
        for index in range(given.number):
            label_map, seed = label_maps[index % len(label_maps)], given.seed + kind * given.number + index
            sample = drawer.draw(label_map, seed)
            for name, row in measure(sample, prepared.spacing_mm, students, given.threads).items():
                values[name].append((contrast, row))
                writer.writerow([contrast, label_map.name, seed, name, f"{np.nanmean(row):.4f}"])
        print(f"{contrast}: {given.number} heads done", flush=True)
    write_bytes(given.output / "drawn.csv", text.getvalue().encode())
    lines = table(values)
    print("\n".join(lines))
    write_bytes(given.output / "drawn.md", ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
