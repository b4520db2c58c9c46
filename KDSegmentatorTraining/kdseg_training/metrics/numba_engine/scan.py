"""One pass over both label maps: voxel counts and the surface places of every class."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
import numpy.typing as npt

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.numba_engine.scan_kernels import PAD, count_plane, scan_boundary_voxels, scan_surface_elements

LabelMap = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]


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


_Slab = Tuple[npt.NDArray[np.int64], LabelMap, npt.NDArray[np.int32], npt.NDArray[np.uint8]]


def scan(prediction: LabelMap, reference: LabelMap, definition: SurfaceDefinition, threads: int) -> SurfacePlaces:
    """Count the voxels and find the surface places of every label in two uint8 label maps of one shape (z, y, x)."""
    planes = prediction.shape[0] + (definition is SurfaceDefinition.SURFACE_ELEMENTS)
    cuts = np.linspace(0, planes, min(threads, planes) + 1).astype(int).tolist()

    def slab(number: int) -> _Slab:
        return _scan_slab(prediction, reference, definition, cuts[number], cuts[number + 1])

    with ThreadPoolExecutor(threads) as pool:
        slabs = list(pool.map(slab, range(len(cuts) - 1)))
    labels = np.concatenate([s[1] for s in slabs])
    order = np.argsort(labels, kind="stable")
    return SurfacePlaces(
        counts=np.sum([s[0] for s in slabs], axis=0),
        starts=np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=256))]),
        positions=np.take(np.concatenate([s[2] for s in slabs], axis=1), order, axis=1),
        codes=np.take(np.concatenate([s[3] for s in slabs], axis=1), order, axis=1),
    )


def _scan_slab(prediction: LabelMap, reference: LabelMap, definition: SurfaceDefinition, first: int, last: int) -> _Slab:
    """Scan the planes of places from ``first`` to ``last``, not included."""
    of_elements = definition is SurfaceDefinition.SURFACE_ELEMENTS
    kernel, ahead = (scan_surface_elements, 0) if of_elements else (scan_boundary_voxels, 1)
    windows = [_padded(prediction.shape, 2 + ahead) for _ in range(2)]
    capacity = 16 * windows[0][0].size * 8
    buffers = np.empty(capacity, np.uint8), np.empty((3, capacity), np.int32), np.empty((2, capacity), np.uint8)
    found: List[Tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.uint8]]] = []
    counts = np.zeros((3, 256), np.int64)
    for plane in range(first - 1, first + ahead):
        _advance(windows, (prediction, reference), plane)
    for i in range(first, last):
        _advance(windows, (prediction, reference), i + ahead)
        count_plane(windows[0][1], windows[1][1], counts)
        n = kernel(windows[0], windows[1], i, *buffers)
        found.append((buffers[0][:n].copy(), buffers[1][:, :n].copy(), buffers[2][:, :n].copy()))
    labels, positions, codes = (np.concatenate(parts, axis=-1) for parts in zip(*found))
    return counts, labels, positions, codes


def _padded(shape: Tuple[int, ...], planes: int) -> Words:
    """Return background planes for the kernels, as words: a row of padding on both sides, a word in front and behind."""
    words = (shape[2] + 7) // 8 + 2
    return np.zeros((planes, shape[1] + 2, words), np.uint64)


def _advance(windows: List[Words], maps: Tuple[LabelMap, LabelMap], plane: int) -> None:
    """Move the window of each map up by one plane and fill in the new one; planes outside the map are background."""
    for window, labels in zip(windows, maps):
        window[:-1] = window[1:]
        window[-1] = 0
        if 0 <= plane < labels.shape[0]:
            window[-1].view(np.uint8)[1:-1, PAD : PAD + labels.shape[2]] = labels[plane]
