"""One pass over both label maps: voxel counts and the surface places of every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.numba_engine.plane_kernels import sort_by_label
from kdseg_training.metrics.numba_engine.scan_kernels import ENTRIES_PER_PLACE, scan_boundary_voxels, scan_surface_elements
from kdseg_training.metrics.numba_engine.threads import mapped

LabelMap = npt.NDArray[np.uint8]

SPARE_ENTRIES = 1 << 18
"""Room for entries beside that for the fullest plane; memory that is not written to costs nothing."""


@dataclass(frozen=True)
class SurfacePlaces:
    """Surface places of all classes, sorted by label and then by position.

    Attributes
    ----------
    counts
        int64, shape (3, 256): voxels by label in the prediction, the reference, and both.
    starts
        int64, shape (257,): the places of label *c* are ``starts[c]`` to ``starts[c + 1]``.
    positions
        int32, shape (3, n): corner or voxel along the array axes.
    codes
        uint8, shape (2, n): code on the surface of the prediction and of the reference, 0 where the place is not on it.
    """

    counts: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int32]
    codes: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Entries:
    """Surface places in the order in which they were found: labels (n,), positions (3, n), codes (2, n)."""

    labels: npt.NDArray[np.uint8]
    positions: npt.NDArray[np.int32]
    codes: npt.NDArray[np.uint8]


def scan(prediction: LabelMap, reference: LabelMap, definition: SurfaceDefinition, threads: int) -> SurfacePlaces:
    """Count the voxels and find the surface places of every label in two uint8 label maps of one shape (z, y, x)."""
    planes = prediction.shape[0] + (definition is SurfaceDefinition.SURFACE_ELEMENTS)
    cuts = np.linspace(0, planes, min(threads, planes) + 1).astype(int).tolist()

    def slab(number: int) -> Tuple[npt.NDArray[np.int64], List[_Entries]]:
        return _scan_slab(prediction, reference, definition, cuts[number], cuts[number + 1])

    slabs = mapped(slab, range(len(cuts) - 1), threads)
    entries = [part for _, parts in slabs for part in parts]
    counts: npt.NDArray[np.int64] = np.sum([c for c, _ in slabs], axis=0)
    return _sorted(counts, entries)


def _scan_slab(
    prediction: LabelMap, reference: LabelMap, definition: SurfaceDefinition, first: int, last: int
) -> Tuple[npt.NDArray[np.int64], List[_Entries]]:
    """Scan the planes of places from ``first`` to ``last``, not included."""
    of_elements = definition is SurfaceDefinition.SURFACE_ELEMENTS
    kernel = scan_surface_elements if of_elements else scan_boundary_voxels
    room = ENTRIES_PER_PLACE * (prediction.shape[1] + 1) * (prediction.shape[2] + 10) + SPARE_ENTRIES
    counts = np.zeros((3, 256), np.int64)
    parts: List[_Entries] = []
    while first < last:
        labels, positions, codes = np.empty(room, np.uint8), np.empty((3, room), np.int32), np.empty((2, room), np.uint8)
        n, first = kernel(prediction, reference, first, last, counts, labels, positions, codes)
        parts.append(_Entries(labels[:n], positions[:, :n], codes[:, :n]))
    return counts, parts


def _sorted(counts: npt.NDArray[np.int64], parts: List[_Entries]) -> SurfacePlaces:
    """Bring the entries of all slabs together, label after label."""
    by_label = np.sum([np.bincount(part.labels, minlength=256) for part in parts], axis=0)
    starts = np.concatenate([[0], np.cumsum(by_label)])
    positions, codes = np.empty((3, int(starts[-1])), np.int32), np.empty((2, int(starts[-1])), np.uint8)
    next_entry = starts[:-1].copy()
    for part in parts:
        sort_by_label(part.labels, part.positions, part.codes, next_entry, positions, codes)
    return SurfacePlaces(counts, starts, positions, codes)
