"""The box around every class of a label map, from the places where the label changes along a row."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np
import numpy.typing as npt

Box = Tuple[slice, slice, slice]
Table = npt.NDArray[np.int64]

VOXELS_AT_ONCE = 1 << 20
"""Voxels that are looked at together; a megabyte stays in the processor's cache."""


class ClassBoxes:
    """The smallest box around the voxels of every label in two uint8 label maps of one shape (z, y, x)."""

    def __init__(self, prediction: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> None:
        self._first = np.full((256, 3), np.iinfo(np.int64).max)
        self._last = np.full((256, 3), -1)
        planes = max(1, VOXELS_AT_ONCE // (prediction.shape[1] * prediction.shape[2]))
        for label_map in (prediction, reference):
            for plane in range(0, label_map.shape[0], planes):
                self._add(np.ascontiguousarray(label_map[plane : plane + planes]), plane)

    def __getitem__(self, label: int) -> Optional[Box]:
        """Return the box around a label, None where neither map holds it."""
        if self._last[label, 0] < 0:
            return None
        z, y, x = (slice(int(a), int(b) + 1) for a, b in zip(self._first[label], self._last[label]))
        return z, y, x

    def _add(self, slab: npt.NDArray[np.uint8], first_plane: int) -> None:
        """Take in the voxels of a slab."""
        flat = slab.ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1])
        starts, ends = np.append(0, changes + 1), np.append(changes, flat.size - 1)
        labels = flat[starts]
        runs = np.flatnonzero(labels)
        if not len(runs):
            return
        runs = runs[np.argsort(labels[runs], kind="stable")]
        labels = labels[runs]
        first, last = _corners(starts[runs], ends[runs], slab.shape)
        groups = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
        present = labels[groups]
        offset = np.array([first_plane, 0, 0])
        self._first[present] = np.minimum(self._first[present], np.minimum.reduceat(first, groups, axis=1).T + offset)
        self._last[present] = np.maximum(self._last[present], np.maximum.reduceat(last, groups, axis=1).T + offset)


def _corners(starts: Table, ends: Table, shape: Tuple[int, ...]) -> Tuple[Table, Table]:
    """Return the first and the last index along each axis, shape (3, n), of runs of voxels from ``starts`` to ``ends``.

    A run that goes on in another row holds the end of one and the start of the next: it spans the row. So with planes.
    """
    first, last = np.array(np.unravel_index(starts, shape)), np.array(np.unravel_index(ends, shape))
    other_plane = first[0] != last[0]
    other_row = other_plane | (first[1] != last[1])
    first[1, other_plane], last[1, other_plane] = 0, shape[1] - 1
    first[2, other_row], last[2, other_row] = 0, shape[2] - 1
    return first, last
