"""What keeping only the doubts costs: size, and difference from the teacher's own probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Dict, List

import numpy as np

from kdseg_training.distillation.soft_labels.decoding import decode_box
from kdseg_training.distillation.soft_labels.encoding import Array, SparseProbabilities, slabs

TEMPERATURES = (1, 2)
"""At which the divergence is measured."""


@dataclass
class Fidelity:
    """Sums and maxima over any number of cases.

    Attributes
    ----------
    voxels, uncertain
        How many, and how many of them keep more than their winner.
    file_bytes, dense_bytes
        Size of the files, and of the same probabilities as plain float32.
    largest_error
        Largest difference of a probability.
    divergence_1, divergence_2
        Sum over voxels of the Kullback–Leibler divergence from the teacher's to the restored probabilities at temperature 1
        and 2, over all channels (for regions the sum of each channel's), in nats.
    changed
        Voxels (for regions: answers) whose winner changed.
    """

    voxels: int = 0
    uncertain: int = 0
    file_bytes: int = 0
    dense_bytes: int = 0
    largest_error: float = 0.0
    divergence_1: float = 0.0
    divergence_2: float = 0.0
    changed: int = 0

    def add(self, other: Fidelity) -> None:
        """Add another case."""
        self.largest_error = max(self.largest_error, other.largest_error)
        for name, value in asdict(other).items():
            if name != "largest_error":
                setattr(self, name, getattr(self, name) + value)

    def as_dict(self) -> Dict[str, float]:
        """Return plain data, the divergences as means over voxels."""
        values = asdict(self)
        for name in ("divergence_1", "divergence_2"):
            values[name] /= max(self.voxels, 1)
        return values

    def lines(self) -> List[str]:
        """Return the numbers in words."""
        if not self.voxels:
            return []
        mean = self.as_dict()
        return [
            f"Size: {self.file_bytes / 1e6:.2f} MB instead of {self.dense_bytes / 1e6:.1f} MB of float32 "
            f"({self.dense_bytes / max(self.file_bytes, 1):.0f} times less); "
            f"{self.uncertain / self.voxels:.1%} of the voxels are uncertain.",
            f"Error: at most {self.largest_error:.4f} in a probability; mean divergence {mean['divergence_1']:.1e} nats at "
            f"temperature 1, {mean['divergence_2']:.1e} at 2; {self.changed} winners changed.",
        ]


def measure(logits: Array, sparse: SparseProbabilities) -> Fidelity:
    """Compare logits (C, z, y, x) with what was kept of them; the size of the file is left at 0."""
    result = Fidelity(
        voxels=int(np.prod(sparse.shape)),
        uncertain=len(sparse.positions),
        dense_bytes=4 * sparse.channel_count * int(np.prod(sparse.shape)),
    )
    tiny = np.finfo(np.float32).tiny
    for planes in slabs(logits.shape):
        ours = decode_box(sparse, (planes, slice(None), slice(None)))
        theirs = probabilities(logits[:, planes], regions=sparse.regions, temperature=1)
        result.largest_error = max(result.largest_error, float(np.abs(ours - theirs).max()))
        result.changed += _changed(ours, theirs, sparse.regions)
        for temperature in TEMPERATURES:
            wanted = probabilities(logits[:, planes], regions=sparse.regions, temperature=temperature)
            found = softened(ours, sparse.regions, temperature)
            divergence = wanted * np.log(np.maximum(wanted, tiny) / np.maximum(found, tiny))
            if sparse.regions:
                divergence += (1 - wanted) * np.log(np.maximum(1 - wanted, tiny) / np.maximum(1 - found, tiny))
            name = f"divergence_{temperature}"
            setattr(result, name, getattr(result, name) + float(divergence.sum(dtype=np.float64)))
    return result


def probabilities(logits: Array, *, regions: bool, temperature: float) -> Array:
    """Return softmax over the first axis, or the sigmoid, of logits divided by the temperature; float64."""
    scaled = logits.astype(np.float64) / temperature
    if regions:
        return 1 / (1 + np.exp(-scaled))
    odds = np.exp(scaled - scaled.max(axis=0))
    result: Array = odds / odds.sum(axis=0)
    return result


def softened(values: Array, regions: bool, temperature: float) -> Array:
    """Return probabilities at another temperature."""
    root = values.astype(np.float64) ** (1 / temperature)
    if regions:
        return root / (root + (1 - values.astype(np.float64)) ** (1 / temperature))
    result: Array = root / root.sum(axis=0)
    return result


def _changed(ours: Array, theirs: Array, regions: bool) -> int:
    if regions:
        return int(((ours > 0.5) != (theirs > 0.5)).sum())
    return int((ours.argmax(axis=0) != theirs.argmax(axis=0)).sum())
