"""Label maps for the benchmark of the surface metrics: organs drawn from a seed, and predictions that are off in many ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

LabelMap = npt.NDArray[np.uint8]

DIFFERENCE_VOXELS = 1.0
"""Standard deviation of the distance between the drawn surfaces of prediction and reference."""


@dataclass(frozen=True)
class Pair:
    """A prediction and its reference, (z, y, x), with the spacing along these axes."""

    name: str
    prediction: LabelMap
    reference: LabelMap
    spacing_mm: Tuple[float, float, float]
    labels: Tuple[int, ...]

    def save(self, folder: Path) -> None:
        """Write the pair for a worker."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / f"{self.name}.npz",
            prediction=self.prediction,
            reference=self.reference,
            spacing_mm=self.spacing_mm,
            labels=self.labels,
        )

    @staticmethod
    def load(path: Path) -> Pair:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            s0, s1, s2 = (float(s) for s in file["spacing_mm"])
            labels = tuple(int(label) for label in file["labels"])
            return Pair(path.stem, file["prediction"], file["reference"], (s0, s1, s2), labels)


def drawn_organs(shape: Tuple[int, int, int], spacing_mm: Tuple[float, float, float], classes: int, seed: int) -> Pair:
    """Return bumpy ellipsoids, some cut by the border, and a prediction whose surface wanders a voxel around theirs."""
    rng = np.random.default_rng(seed)
    prediction, reference = np.zeros((2, *shape), np.uint8)
    for label in range(1, classes + 1):
        radius = rng.uniform(0.05, 0.14, 3) * shape
        centre = rng.uniform(0.05, 0.95, 3) * shape
        low = np.maximum((centre - 1.4 * radius).astype(int), 0)
        high = np.minimum((centre + 1.4 * radius).astype(int) + 1, shape)
        box = tuple(slice(a, b) for a, b in zip(low, high))
        grids = np.ogrid[box]
        from_centre = np.sqrt(sum(((g - c) / r) ** 2 for g, c, r in zip(grids, centre, radius)))
        depth = (1.0 - from_centre) * radius.mean() + _waves(rng, from_centre.shape, 6.0, 2.0)
        reference[box][depth > 0] = label
        prediction[box][depth + _waves(rng, from_centre.shape, 3.0, DIFFERENCE_VOXELS) > 0] = label
    return Pair("near", prediction, reference, spacing_mm, tuple(range(1, classes + 1)))


def _waves(rng: np.random.Generator, shape: Sequence[int], width: float, height: float) -> npt.NDArray[np.float32]:
    """Return smooth noise of this standard deviation."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), width)
    scaled: npt.NDArray[np.float32] = noise * np.float32(height / noise.std())
    return scaled


def _mirrored(pair: Pair) -> LabelMap:
    return np.ascontiguousarray(pair.prediction[:, :, ::-1])


def _shifted(pair: Pair) -> LabelMap:
    """A twentieth of the volume along every axis."""
    return np.roll(pair.prediction, [max(1, n // 20) for n in pair.prediction.shape], axis=(0, 1, 2))


def _swapped(pair: Pair) -> LabelMap:
    """Every class where the next one should be."""
    table = np.zeros(256, np.uint8)
    table[list(pair.labels)] = np.roll(pair.labels, 1)
    swapped: LabelMap = table[pair.prediction]
    return swapped


def _noisy(pair: Pair) -> LabelMap:
    """One voxel in a hundred is of any class."""
    rng = np.random.default_rng(1)
    noisy = pair.prediction.copy()
    wrong = rng.random(noisy.shape, dtype=np.float32) < 0.01
    noisy[wrong] = rng.choice([0, *pair.labels], int(wrong.sum()))
    return noisy


FAULTS: Dict[str, Callable[[Pair], LabelMap]] = {
    "mirrored": _mirrored,
    "shifted": _shifted,
    "swapped": _swapped,
    "noisy": _noisy,
}
"""Ways in which a prediction is far off."""


def with_fault(pair: Pair, fault: str) -> Pair:
    """Return the pair with a prediction that is far off."""
    return replace(pair, prediction=FAULTS[fault](pair))


def read_pairs(predictions: Path, references: Path) -> Iterator[Pair]:
    """Yield the pairs of two folders of ``.nii.gz`` label maps; a prediction may carry nnU-Net's channel number, ``_0000``.

    All labels that occur in a pair are measured.
    """
    paths = {path.name.replace(".nii.gz", "").removesuffix("_0000"): path for path in sorted(predictions.glob("*.nii.gz"))}
    missing: List[str] = []
    for reference in sorted(references.glob("*.nii.gz")):
        name = reference.name.replace(".nii.gz", "")
        if name not in paths:
            missing.append(name)
            continue
        images = [sitk.ReadImage(str(path)) for path in (paths[name], reference)]
        arrays = [sitk.GetArrayFromImage(image).astype(np.uint8) for image in images]
        x, y, z = images[1].GetSpacing()
        labels = np.union1d(*arrays)
        yield Pair(name, arrays[0], arrays[1], (z, y, x), tuple(int(label) for label in labels[labels > 0]))
    if missing:
        raise SystemExit(f"No prediction for {len(missing)} references: {', '.join(missing[:5])}")
