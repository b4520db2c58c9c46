"""Measure a hippocampus student on the held-out cases, print the table, and write the figures into the bundle.

Then what changes case by case if the student predicts the other way, mirrored or not, and on mirror images.

    python Examples/hippocampus/evaluate.py BUNDLE NNUNET_RAW/Dataset004_Hippocampus

Dice, NSD at 1 mm and HD95 for each structure: mean over cases and 95 % bootstrap interval over cases. Surfaces are DeepMind's
area-weighted surface elements. An empty prediction counts: Dice and NSD 0, HD95 the diagonal of the image.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Sequence

from kdseg.atomic import write_bytes
from kdseg.bundle import load_student, with_document
from kdseg.io import read_volume
from kdseg.limits import Limits
from kdseg.pipeline import segment
from kdseg.segmentation import Segmentation
from kdseg.student import Student
from kdseg_training.metrics import BootstrapResult, CaseMetrics, Interval, bootstrap_means, evaluate_pair, metric_matrix

TOLERANCE_MM = 1.0
METRICS = {"dice": "dice", "nsd": "nsd_1mm", "hd95_mm": "hd95_mm"}
"""Names in the bundle and in the tables of kdseg_training.metrics."""


def measure(student: Student, data: Path, *, other_side: bool = False) -> List[CaseMetrics]:
    """Segment every held-out case, or its mirror image as of the body's other side, and compare it with its reference."""
    labels = [entry.value for entry in student.entries]
    cases, seconds = [], []
    for image in sorted((data / "imagesTs").glob("*.nii.gz")):
        name = image.name[: -len("_0000.nii.gz")]
        volume, reference = (read_volume(path) for path in (image, data / "labelsTs" / f"{name}.nii.gz"))
        if other_side:
            volume, reference = (replace(v, voxels=v.voxels[..., ::-1].copy()) for v in (volume, reference))
        began = time.perf_counter()
        prediction = segment(volume, student, limits=Limits(threads=2))
        seconds.append(time.perf_counter() - began)
        truth = Segmentation(reference.voxels[0].astype("uint8"), reference.geometry, student.entries)
        cases.append(evaluate_pair(prediction, truth, labels, case=name, tolerances_mm=(TOLERANCE_MM,)))
    print(f"\n{student.name} {student.version}, {_how(student)}: {len(cases)} cases")
    print(f"median {median(seconds):.2f} s each with 2 threads")
    return cases


def averages(cases: List[CaseMetrics], student: Student, less: Sequence[CaseMetrics] = ()) -> Dict[str, BootstrapResult]:
    """Return each metric's means, or those of the differences to ``less`` case by case, and print them as a table."""
    labels = [entry.value for entry in student.entries]
    results = {}
    for key, metric in METRICS.items():
        values = metric_matrix(cases, labels, metric)
        results[key] = bootstrap_means(values - metric_matrix(less, labels, metric) if less else values)
    sign = "+" if less else ""
    print(f"| {'difference' if less else 'structure'} | Dice | NSD at 1 mm | HD95 (mm) |\n|---|---|---|---|")
    for index, entry in enumerate(student.entries):
        print(f"| {entry.name} | " + " | ".join(_cell(result.classes[index], sign) for result in results.values()) + " |")
    print("| mean | " + " | ".join(_cell(result.macro, sign) for result in results.values()) + " |")
    return results


def quality(cases: List[CaseMetrics], student: Student) -> Dict[str, Any]:
    """Return the ``quality`` section of the bundle, and print it as a table."""
    results = averages(cases, student)
    classes = []
    for index, entry in enumerate(student.entries):
        intervals = {key: _as_data(result.classes[index]) for key, result in results.items()}
        classes.append({"value": entry.value, **intervals, "nsd_tolerance_mm": TOLERANCE_MM})
    return {
        "test_set": f"{len(cases)} held-out cases of Task04_Hippocampus (every fifth of the sorted names), manual reference",
        "method": f"predicted {_how(student)}; mean over cases with 95 % percentile bootstrap interval over cases (10,000 "
        "resamples). NSD and HD95 on area-weighted surface elements as in DeepMind's surface-distance; an empty prediction "
        "counts as Dice 0, NSD 0 and the diagonal of the image.",
        "classes": classes,
    }


def _how(student: Student) -> str:
    return "with mirroring" if student.mirroring_axes else "without mirroring"


def _cell(interval: Interval, sign: str = "") -> str:
    return f"{interval.estimate:{sign}.3f} ({interval.low:{sign}.3f} to {interval.high:{sign}.3f})"


def _as_data(interval: Interval) -> Dict[str, Any]:
    return {
        "mean": round(interval.estimate, 6),
        "n": interval.cases,
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "confidence": interval.level,
    }


def main(bundle: str, data: str) -> None:
    """Measure and write back."""
    student = load_student(bundle)
    cases = measure(student, Path(data))
    section = quality(cases, student)
    write_bytes(bundle, with_document(bundle, {"quality": section}))
    print(f"written into {bundle}")
    other = replace(student, mirroring_axes=None if student.mirroring_axes else (0, 1, 2))
    averages(measure(other, Path(data)), other, less=cases)
    print("\nOn mirror images, as of the other side of the body:")
    averages(measure(student, Path(data), other_side=True), student, less=cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
