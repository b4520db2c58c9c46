"""A brain student beside brainchop's MeshNet on the same computer: agreement, seconds and memory from file to file.

    python Examples/brain/compare_meshnet.py BUNDLE MESHNET HEAD.nii.gz … --output FOLDER [--reference LABELS.nii.gz …]

Each program runs in a process of its own, with the same number of threads; the student's classes are merged to MeshNet's.
Writes meshnet.md: the Dice of one with the other for every class, and of both with references in FreeSurfer's numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 (its own documentation's name)

from kdseg.atomic import write_bytes
from kdseg.bundle import load_student

HERE = Path(__file__).resolve().parent
MEMBERS: Dict[str, Sequence[str]] = {
    "Cerebral-White-Matter": ("Left cerebral white matter", "Right cerebral white matter"),
    "Cerebral-Cortex": ("Left cerebral cortex", "Right cerebral cortex"),
    "Lateral-Ventricle": ("Left lateral ventricle", "Right lateral ventricle"),
    "Inferior-Lateral-Ventricle": ("Left inferior lateral ventricle", "Right inferior lateral ventricle"),
    "Cerebellum-White-Matter": ("Left cerebellar white matter", "Right cerebellar white matter"),
    "Cerebellum-Cortex": ("Left cerebellar cortex", "Right cerebellar cortex"),
    "Thalamus": ("Left thalamus", "Right thalamus"),
    "Caudate": ("Left caudate nucleus", "Right caudate nucleus"),
    "Putamen": ("Left putamen", "Right putamen"),
    "Pallidum": ("Left globus pallidus", "Right globus pallidus"),
    "3rd-Ventricle": ("Third ventricle",),
    "4th-Ventricle": ("Fourth ventricle",),
    "Brain-Stem": ("Brain stem",),
    "Hippocampus": ("Left hippocampus", "Right hippocampus"),
    "Amygdala": ("Left amygdala", "Right amygdala"),
    "Accumbens-area": ("Left nucleus accumbens", "Right nucleus accumbens"),
    "VentralDC": ("Left ventral diencephalon", "Right ventral diencephalon"),
}
"""MeshNet's classes and the student's structures in each."""

FREESURFER: Dict[str, Sequence[int]] = {
    "Cerebral-White-Matter": (2, 41),
    "Cerebral-Cortex": (3, 42),
    "Lateral-Ventricle": (4, 43),
    "Inferior-Lateral-Ventricle": (5, 44),
    "Cerebellum-White-Matter": (7, 46),
    "Cerebellum-Cortex": (8, 47),
    "Thalamus": (10, 49),
    "Caudate": (11, 50),
    "Putamen": (12, 51),
    "Pallidum": (13, 52),
    "3rd-Ventricle": (14,),
    "4th-Ventricle": (15,),
    "Brain-Stem": (16,),
    "Hippocampus": (17, 53),
    "Amygdala": (18, 54),
    "Accumbens-area": (26, 58),
    "VentralDC": (28, 60),
}
"""MeshNet's classes in FreeSurfer's numbers."""

Labels = npt.NDArray[np.uint8]


class Cost(NamedTuple):
    """What one run took."""

    seconds: float
    peak_gib: float


MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
sys.exit(code)
"""
"""Runs a program from a small process: Linux counts the memory of the process that starts a program as the program's own.

Prints the peak in bytes; Linux tells it in KiB, macOS in bytes, Windows not at all.
"""


def run(command: List[str]) -> Cost:
    """Run a program to its end; its peak memory is that of the largest process among it and its own children."""
    began = time.perf_counter()
    measured = [sys.executable, "-c", MEASURE, *command]
    done = subprocess.run(measured, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own programs
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}.")
    return Cost(time.perf_counter() - began, int(done.stdout) / 1024**3)


def distinct_stems(heads: Sequence[Path]) -> Dict[str, Path]:
    """Return the heads by what stands before the first dot of their names, after which results are called; each once."""
    stems: Dict[str, Path] = {}
    for head in heads:
        stem = head.name.split(".")[0]
        if stem in stems:
            sys.exit(f"{head}: its results would be called {stem}, like those of {stems[stem]}. Give one of them another name.")
        stems[stem] = head
    return stems


def student_numbers(bundle: Path) -> Dict[str, List[int]]:
    """Return a student's integers for each of MeshNet's classes."""
    values = {entry.name: entry.value for entry in load_student(bundle).entries}
    return {name: [values[member] for member in members] for name, members in MEMBERS.items()}


def meshnet_numbers(folder: Path) -> Dict[str, List[int]]:
    """Return MeshNet's own integer for each of its classes."""
    names = json.loads((folder / "colormap.json").read_text(encoding="utf-8"))["labels"]
    return {name: [names.index(name)] for name in MEMBERS}


def merged(path: Path, members: Mapping[str, Sequence[int]], grid: Optional[sitk.Image] = None) -> Labels:
    """Return labels numbered in the order of :data:`MEMBERS` from 1, on a grid if one is given."""
    image = sitk.ReadImage(str(path))
    if grid is not None:
        image = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    values = sitk.GetArrayFromImage(image)
    result = np.zeros(values.shape, np.uint8)
    for number, name in enumerate(MEMBERS, start=1):
        result[np.isin(values, members[name])] = number
    return result


def dice(one: Labels, other: Labels) -> List[float]:
    """Return the Dice coefficient of every class; not a number where neither has it."""
    numbers = range(1, len(MEMBERS) + 1)
    both = [int(((one == n) & (other == n)).sum()) for n in numbers]
    total = [int((one == n).sum() + (other == n).sum()) for n in numbers]
    return [2 * b / t if t else float("nan") for b, t in zip(both, total)]


def table(columns: Dict[str, List[List[float]]]) -> List[str]:
    """Return a Markdown table of the mean over the heads, for each column and class."""
    means = {title: np.nanmean(np.asarray(rows), axis=0) for title, rows in columns.items()}
    lines = ["| class | " + " | ".join(means) + " |", "|---|" + "---:|" * len(means)]
    for index, name in enumerate(MEMBERS):
        lines.append(f"| {name} | " + " | ".join(f"{values[index]:.3f}" for values in means.values()) + " |")
    return [*lines, "| **mean** | " + " | ".join(f"**{np.nanmean(values):.3f}**" for values in means.values()) + " |"]


def main() -> None:
    """Run both on all heads and write the table."""
    parser = argparse.ArgumentParser(description="A brain student beside brainchop's MeshNet.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("meshnet", type=Path)
    parser.add_argument("heads", type=Path, nargs="+")
    parser.add_argument(
        "--reference", type=Path, nargs="+", default=[], help="labels of each head in the same order, with FreeSurfer's numbers"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.reference and len(given.reference) != len(given.heads):
        parser.error(f"expected {len(given.heads)} references, one for each head, found {len(given.reference)}")
    if sys.platform == "win32":
        parser.error("Windows does not tell the peak memory of a process that ended: run this on Linux or macOS.")
    stems = distinct_stems(given.heads)
    given.output.mkdir(parents=True, exist_ok=True)
    ours, theirs = student_numbers(given.bundle), meshnet_numbers(given.meshnet)
    columns: Dict[str, List[List[float]]] = {}
    costs = ["| head | student, s | MeshNet, s | student, GiB | MeshNet, GiB |", "|---|---:|---:|---:|---:|"]
    for index, (stem, head) in enumerate(stems.items()):
        student, meshnet = given.output / f"{stem}_student.nii.gz", given.output / f"{stem}_meshnet.nii.gz"
        threads = ["--threads", str(given.threads)]
        segment = [
            sys.executable,
            "-m",
            "kdseg",
            "segment",
            str(head),
            "-m",
            str(given.bundle),
            "-o",
            str(student),
            "--overwrite",
            *threads,
        ]
        a = run(segment)
        b = run([sys.executable, str(HERE / "meshnet.py"), str(given.meshnet), str(head), str(meshnet), *threads])
        costs.append(f"| {stem} | {a.seconds:.1f} | {b.seconds:.1f} | {a.peak_gib:.2f} | {b.peak_gib:.2f} |")
        one, other = merged(student, ours), merged(meshnet, theirs)
        columns.setdefault("student with MeshNet", []).append(dice(one, other))
        if given.reference:
            truth = merged(given.reference[index], FREESURFER, sitk.ReadImage(str(head)))
            columns.setdefault("student with reference", []).append(dice(one, truth))
            columns.setdefault("MeshNet with reference", []).append(dice(other, truth))
        print(costs[-1], flush=True)
    text = "\n".join([*table(columns), "", *costs, "", f"{given.threads} threads each, from file to file."])
    write_bytes(given.output / "meshnet.md", (text + "\n").encode())
    print(text)


if __name__ == "__main__":
    main()
