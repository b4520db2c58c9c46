"""Small label maps in files, written by SimpleITK, whose overlap can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Mapping, Sequence, Tuple

import numpy as np
import SimpleITK

SHAPE = (8, 9, 10)
SPACING_MM = (0.5, 1.0, 2.0)
"""Along x, y, z."""


def boxes(parts: Mapping[int, Sequence[Tuple[int, int]]], shape=SHAPE, dtype=np.uint8) -> np.ndarray:
    """A label map of boxes: for each value its (start, stop) along z, y and x; later ones paint over earlier ones."""
    labels = np.zeros(shape, dtype)
    for value, limits in parts.items():
        labels[tuple(slice(*limit) for limit in limits)] = value
    return labels


def write_labels(path: Path, labels: np.ndarray, spacing=SPACING_MM, origin=(5.0, -7.0, 11.0), direction=None) -> Path:
    """Write a label map on a grid of ITK's convention (x, y, z; LPS, mm)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(np.asarray(direction, float).ravel().tolist())
    SimpleITK.WriteImage(image, str(path), useCompression=True)
    return path


def random_case(seed: int, shape=(14, 18, 16), structures: int = 3) -> np.ndarray:
    """A label map of smooth random shapes; some structures may be empty."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    fields = np.stack([ndimage.gaussian_filter(rng.normal(size=shape), 2.0) for _ in range(structures + 1)])
    return np.argmax(fields, axis=0).astype(np.uint8)


def write_cases(folder: Path, seeds: Iterable[int], shift: int = 0, ending: str = ".nii.gz") -> Path:
    """Write one label map for each seed, moved by ``shift`` voxels along x: ``case_007.nii.gz``."""
    for seed in seeds:
        write_labels(folder / f"case_{seed:03d}{ending}", np.roll(random_case(seed), shift, axis=2))
    return folder
