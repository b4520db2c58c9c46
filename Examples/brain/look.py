"""Draw samples and save them as a picture: look at them before a network does.

    python Examples/brain/look.py WORK/cpu/preprocessed/Dataset010_BrainCPU/synthesis samples.png --shape 96 128 96 --number 12

Each sample has an axial, a coronal and a sagittal slice through its middle, below them the same with labels in their
colours. The left side of the body is on the left.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, List

import numpy as np
import numpy.typing as npt
from PIL import Image

from kdseg.atomic import atomic_path
from kdseg.bundle.labels import parse_labels_csv
from kdseg_training.synthesis.generator import Generator, Sample
from kdseg_training.synthesis.prepared import open_prepared

LABELS = Path(__file__).resolve().parent / "labels.csv"
OPACITY, IN_A_ROW = 0.45, 3

Picture = npt.NDArray[np.float64]


def colours() -> Picture:
    """Return the colour of every class, 0 to 1."""
    entries = parse_labels_csv(LABELS.read_bytes(), str(LABELS))
    table = np.zeros((max(entry.value for entry in entries) + 1, 3))
    for entry in entries:
        table[entry.value] = np.asarray(entry.color) / 255
    return table


def slices(volume: npt.NDArray[Any]) -> List[npt.NDArray[Any]]:
    """Return the three middle slices, the head upright."""
    z, y, x = (n // 2 for n in volume.shape)
    return [volume[z, ::-1], volume[::-1, y], volume[::-1, :, x]]


def picture(sample: Sample, table: Picture) -> Picture:
    """Return one sample as an RGB array."""
    image, target = sample.image[0].numpy(), sample.target[0].numpy()
    low, high = np.percentile(image, (1, 99.5))
    grey = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    edge = max(image.shape)
    columns = []
    for plane, labels in zip(slices(grey), slices(target), strict=True):
        plain = np.repeat(plane[..., None], 3, axis=2)
        painted = np.where(labels[..., None] > 0, (1 - OPACITY) * plain + OPACITY * table[labels], plain)
        space = [(0, edge - plain.shape[0]), (0, edge - plain.shape[1]), (0, 0)]
        columns.append(np.concatenate([np.pad(plain, space), np.pad(painted, space)]))
    return np.concatenate(columns, axis=1)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description="Draw samples and save them as a picture.")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--shape", type=int, nargs=3, required=True, metavar=("Z", "Y", "X"))
    parser.add_argument("--number", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0, help="of the first sample")
    given = parser.parse_args()
    prepared, table = open_prepared(given.prepared), colours()
    z, y, x = given.shape
    drawer = Generator(prepared.anatomy, prepared.appearance, shape=(z, y, x), spacing_mm=(prepared.spacing_mm,) * 3)
    maps = prepared.training
    drawn = [picture(drawer.draw(maps[i % len(maps)], given.seed + i), table) for i in range(given.number)]
    drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % IN_A_ROW)
    rows = [np.concatenate(drawn[i : i + IN_A_ROW], axis=1) for i in range(0, len(drawn), IN_A_ROW)]
    with atomic_path(given.output) as temporary:
        Image.fromarray((np.concatenate(rows) * 255).round().astype(np.uint8)).save(temporary, format="PNG")


if __name__ == "__main__":
    main()
