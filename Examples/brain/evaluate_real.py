"""How a brain student holds up on real heads without manual labels: volumes, and Dice with its own result on the clean image.

    python Examples/brain/evaluate_real.py BUNDLE HEAD.nii.gz [HEAD.nii.gz …] --output FOLDER

Every head is segmented as it is, and rotated, cropped, with thick slices, with inverted contrast, with a bias field, and
without skull. A student that is sure of what it sees gives the same labels each time. Writes robustness.md, volumes.csv and the
clean segmentations. This is no measure of truth: a student can be wrong in the same way every time.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own documentation's name)
from compare_meshnet import distinct_stems

from kdseg.atomic import atomic_path, write_bytes
from kdseg.bundle import load_student
from kdseg.io import read_volume
from kdseg.limits import Limits
from kdseg.pipeline import segment
from kdseg.student import Student

FLUID = "Cerebrospinal fluid"
"""Left out of the means: stripping takes it away, and its border is not in the image."""

ROTATION_DEG, SLICE_MM, CROPPED, BIAS, MARGIN_MM = 30.0, 4.0, 0.15, 0.5, 3.0
"""About all three axes together; thickness; share cut from five sides; logarithm at the ends; distance of the mask."""


class Changed(NamedTuple):
    """A changed image, and the transform by which labels of the clean one come onto it."""

    image: sitk.Image
    transform: sitk.Transform


def rotated(image: sitk.Image, _labels: sitk.Image) -> Changed:
    """Turn the head by 30° about an axis that is none of the image's."""
    size = image.GetSize()
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size])
    axis = [1 / math.sqrt(3)] * 3
    turn = sitk.VersorRigid3DTransform()
    turn.SetCenter(centre)
    turn.SetRotation(axis, math.radians(ROTATION_DEG))
    return Changed(sitk.Resample(image, image, turn, sitk.sitkLinear, lowest(image)), turn)


def cropped(image: sitk.Image, _labels: sitk.Image) -> Changed:
    """Cut 15 % from five of six sides."""
    cut = [int(n * CROPPED) for n in image.GetSize()]
    return Changed(sitk.Crop(image, cut, [cut[0], cut[1], 0]), sitk.Transform())


def thick_slices(image: sitk.Image, _labels: sitk.Image) -> Changed:
    """Average along the third axis to slices of 4 mm."""
    spacing, size = image.GetSpacing(), image.GetSize()
    number = max(1, round(size[2] * spacing[2] / SLICE_MM))
    smooth = sitk.RecursiveGaussian(image, 0.42 * SLICE_MM, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, 2)
    grid = sitk.Image([size[0], size[1], number], sitk.sitkFloat32)
    grid.SetSpacing([spacing[0], spacing[1], size[2] * spacing[2] / number])
    grid.SetDirection(image.GetDirection())
    shift = 0.5 * (size[2] / number - 1)
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([0.0, 0.0, shift]))
    return Changed(sitk.Resample(smooth, grid, sitk.Transform(), sitk.sitkLinear, lowest(image)), sitk.Transform())


def inverted(image: sitk.Image, _labels: sitk.Image) -> Changed:
    """Exchange bright and dark inside the head; the background stays."""
    values = sitk.GetArrayFromImage(image)
    low, high = np.percentile(values, (1, 99.5))
    head = values > low + 0.1 * (high - low)
    return Changed(like(np.where(head, np.maximum(high + low - values, low), values), image), sitk.Transform())


def biased(image: sitk.Image, _labels: sitk.Image) -> Changed:
    """Multiply by a field that grows along one diagonal and falls along the other."""
    values = sitk.GetArrayFromImage(image)
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in values.shape)
    field = np.exp(BIAS * (x[None, None, :] * y[None, :, None] + z[:, None, None]))
    low = values.min()
    return Changed(like((values - low) * field + low, image), sitk.Transform())


def stripped(image: sitk.Image, labels: sitk.Image) -> Changed:
    """Set to 0 what is further than 3 mm from the brain that was found on the clean image."""
    distance = sitk.SignedMaurerDistanceMap(labels > 0, squaredDistance=False, useImageSpacing=True)
    low = lowest(image)
    return Changed((image - low) * sitk.Cast(distance < MARGIN_MM, image.GetPixelID()), sitk.Transform())


CHANGES: Dict[str, Callable[[sitk.Image, sitk.Image], Changed]] = {
    "rotated by 30°": rotated,
    "cropped": cropped,
    "slices of 4 mm": thick_slices,
    "inverted": inverted,
    "with bias field": biased,
    "without skull": stripped,
}


def lowest(image: sitk.Image) -> float:
    """Return the smallest value, which stands for background."""
    return float(sitk.GetArrayFromImage(image).min())


def like(values: np.ndarray, image: sitk.Image) -> sitk.Image:
    """Return an image of these values on the grid of another."""
    result = sitk.GetImageFromArray(values.astype(np.float32))
    result.CopyInformation(image)
    return result


def segmented(image: sitk.Image, student: Student, threads: int) -> Tuple[sitk.Image, float]:
    """Return labels on the image's grid, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.nii.gz"
        sitk.WriteImage(image, str(path))
        began = time.perf_counter()
        result = segment(read_volume(path), student, limits=Limits(threads=threads))
        seconds = time.perf_counter() - began
    labels = sitk.GetImageFromArray(result.labels)
    labels.CopyInformation(image)
    return labels, seconds


def dice(found: sitk.Image, reference: sitk.Image, value: int) -> Optional[float]:
    """Return the Dice coefficient of one label; None if neither has it."""
    one, other = (sitk.GetArrayFromImage(labels) == value for labels in (found, reference))
    total = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / total if total else None


def evaluate(name: str, head: Path, student: Student, output: Path, threads: int) -> Tuple[List[str], List[List[object]]]:
    """Return rows of the two tables for one head."""
    image = sitk.ReadImage(str(head), sitk.sitkFloat32)
    clean, seconds = segmented(image, student, threads)
    with atomic_path(output / f"{name}.nii.gz") as temporary:
        sitk.WriteImage(clean, str(temporary))
    voxel_ml = math.prod(image.GetSpacing()) / 1000
    counts = np.bincount(sitk.GetArrayFromImage(clean).ravel(), minlength=len(student.entries) + 1)
    volumes: List[List[object]] = [[name, e.name, round(float(counts[e.value]) * voxel_ml, 4)] for e in student.entries]
    counted = [entry for entry in student.entries if entry.name != FLUID]
    outer = next((entry.value for entry in student.entries if entry.name == FLUID), 0)
    brain = sitk.Mask(clean, clean != outer) if outer else clean
    rows = [f"| {name} | as it is | | | {seconds:.0f} |"]
    for title, change in CHANGES.items():
        changed = change(image, brain)
        found, seconds = segmented(changed.image, student, threads)
        reference = sitk.Resample(clean, changed.image, changed.transform, sitk.sitkNearestNeighbor, 0)
        values = {entry.name: dice(found, reference, entry.value) for entry in counted}
        known = {key: value for key, value in values.items() if value is not None}
        worst = min(known, key=known.__getitem__) if known else "none"
        mean = sum(known.values()) / len(known) if known else float("nan")
        rows.append(f"| {name} | {title} | {mean:.3f} | {known.get(worst, float('nan')):.3f} ({worst}) | {seconds:.0f} |")
        print(rows[-1], flush=True)
    return rows, volumes


def main() -> None:
    """Evaluate all heads and write the tables."""
    parser = argparse.ArgumentParser(description="Robustness of a brain student on real heads.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("heads", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    heads = distinct_stems(given.heads)
    given.output.mkdir(parents=True, exist_ok=True)
    student = load_student(given.bundle)
    table = ["| head | change | mean Dice with clean | worst structure | seconds |", "|---|---|---|---|---|"]
    volumes = io.StringIO()
    writer = csv.writer(volumes, lineterminator="\n")
    writer.writerow(["head", "structure", "volume_ml"])
    for name, head in heads.items():
        rows, measured = evaluate(name, head, student, given.output, given.threads)
        table += rows
        writer.writerows(measured)
    write_bytes(given.output / "robustness.md", ("\n".join(table) + "\n").encode())
    write_bytes(given.output / "volumes.csv", volumes.getvalue().encode())


if __name__ == "__main__":
    main()
