"""A teacher's probabilities for a whole volume, kept only where the teacher doubts.

Everything is told relative to the winner. With the logits z of a voxel and its largest one z_top, the odds of channel c are
``exp(z_c − z_top)``, from 0 to 1, and ``softmax(z / T)`` follows from ``odds ** (1 / T)`` for any temperature T. A voxel is
uncertain if any other channel has odds of at least ``floor``; only such odds are stored, each in one byte. Of all other voxels
the winner alone is kept. Odds below the floor are replaced by a mean of them, one number for each winner and channel: the
square of the mean square root, which is right at T = 2. For regions each channel decides for itself: the winner is yes or no,
and the odds are those of the other answer, ``exp(−|z|)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np

LEVELS = 256
"""Steps of ``−ln odds`` between 0 and ``−ln floor``; an odds is restored to the middle of its step."""

SLAB_ELEMENTS = 2**24
"""About how many logits are widened to float32 at a time."""

Array = np.ndarray


@dataclass(frozen=True)
class SparseProbabilities:
    """Probabilities of C channels in a volume of shape (z, y, x); see the module for what is kept.

    Attributes
    ----------
    floor
        Smallest odds that are stored.
    regions
        Whether each channel decides for itself.
    top
        The winners: (1, z, y, x), the number of a channel, or for regions (C, z, y, x), 0 or 1.
    uncertain
        One bit for each voxel, packed, in C order.
    counts
        For each uncertain voxel, in C order, how many odds are stored.
    channels, doubts
        Those odds: channel, and ``−ln odds`` in steps.
    fill
        Odds that were not stored: (C, C), winner × channel; for regions (2, C), answer × channel.
    """

    floor: float
    regions: bool
    top: Array
    uncertain: Array
    counts: Array
    channels: Array
    doubts: Array
    fill: Array

    def __post_init__(self) -> None:
        voxels = math.prod(self.shape)
        rows = 2 if self.regions else self.fill.shape[-1]
        fits = (
            self.top.ndim == 4
            and self.fill.shape == (rows, self.fill.shape[-1])
            and self.top.shape[0] == (self.channel_count if self.regions else 1)
            and self.uncertain.shape == ((voxels + 7) // 8,)
            and self.counts.shape == self.positions.shape
            and self.channels.shape == self.doubts.shape == (int(self.counts.sum(dtype=np.int64)),)
            and int(self.top.max(initial=0)) < rows
            and int(self.channels.max(initial=0)) < self.channel_count
        )
        if not (0 < self.floor < 1 and fits):
            raise ValueError("the parts of the soft labels do not fit together")

    @property
    def shape(self) -> Tuple[int, ...]:
        """(z, y, x)."""
        return tuple(self.top.shape[1:])

    @property
    def channel_count(self) -> int:
        """C."""
        return int(self.fill.shape[-1])

    @cached_property
    def positions(self) -> Array:
        """Flat numbers of the uncertain voxels, ascending."""
        return np.asarray(np.flatnonzero(np.unpackbits(self.uncertain, count=math.prod(self.shape))))

    @cached_property
    def offsets(self) -> Array:
        """Where the odds of each uncertain voxel start."""
        return np.asarray(np.cumsum(self.counts, dtype=np.int64) - self.counts)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, the indices included."""
        arrays = (self.top, self.uncertain, self.counts, self.channels, self.doubts, self.fill, self.positions, self.offsets)
        return sum(int(array.nbytes) for array in arrays)


def encode(logits: Array, *, regions: bool, floor: float) -> SparseProbabilities:
    """Keep what matters of logits (C, z, y, x), of any float type.

    Raises
    ------
    ValueError
        If a logit is not finite.
    """
    kind = np.uint8 if logits.shape[0] <= 256 else np.uint16
    parts: List[Tuple[Array, ...]] = []
    rows = 2 if regions else logits.shape[0]
    roots, numbers = np.zeros((rows, logits.shape[0])), np.zeros((rows, logits.shape[0]), np.int64)
    limit = -math.log(floor)
    for planes in slabs(logits.shape):
        slab = logits[:, planes].astype(np.float32)
        if not np.isfinite(slab).all():
            raise ValueError("logits: expected finite numbers")
        top, gap = winners(slab, regions)
        kept = gap <= limit
        dropped = np.exp(-0.5 * gap)
        if not regions:
            np.put_along_axis(kept, top, values=False, axis=0)
            np.put_along_axis(dropped, top, values=0.0, axis=0)
        _add_means(top, np.where(kept, 0, dropped), roots, numbers, regions)
        flat = kept.reshape(len(kept), -1)
        counts = flat.sum(axis=0)
        voxel, channel = np.nonzero(flat.T)
        doubt = gap.reshape(len(gap), -1)[channel, voxel] * (LEVELS / limit)
        uncertain = counts > 0
        steps = np.minimum(doubt, LEVELS - 1).astype(np.uint8)
        parts.append((top.astype(kind), uncertain, counts[uncertain].astype(np.uint16), channel.astype(kind), steps))
    top, uncertain, counts, channels, doubts = (
        np.concatenate(arrays, axis=1 if number == 0 else 0) for number, arrays in enumerate(zip(*parts, strict=True))
    )
    fill = np.square(roots / np.maximum(numbers, 1)).astype(np.float32)
    return SparseProbabilities(floor, regions, top, np.packbits(uncertain), counts, channels, doubts, fill)


def slabs(shape: Sequence[int]) -> Iterator[slice]:
    """Yield slices of the first spatial axis of (C, z, y, x)."""
    thickness = max(1, SLAB_ELEMENTS // max(1, shape[0] * shape[2] * shape[3]))
    for start in range(0, shape[1], thickness):
        yield slice(start, min(start + thickness, shape[1]))


def winners(logits: Array, regions: bool) -> Tuple[Array, Array]:
    """Return the winners and ``−ln odds`` of every channel, (C, z, y, x)."""
    if regions:
        return (logits > 0).astype(np.uint8), np.abs(logits)
    top = logits.argmax(axis=0)[None]
    return top, np.take_along_axis(logits, top, axis=0) - logits


def _add_means(top: Array, roots_of_odds: Array, roots: Array, numbers: Array, regions: bool) -> None:
    """Add √odds of what is not stored (elsewhere 0) to sums by winner and channel."""
    rows = len(roots)
    for channel, values in enumerate(roots_of_odds):
        winner = top[channel if regions else 0].ravel()
        flat: Any = values.ravel()
        roots[:, channel] += np.bincount(winner, weights=flat, minlength=rows)
        numbers[:, channel] += np.bincount(winner, weights=flat > 0, minlength=rows).astype(np.int64)
