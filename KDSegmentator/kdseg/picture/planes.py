"""The three planes of a picture: nearest anatomical orientation, where to cut, and what part to show."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import Enum
from typing import Any, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.geometry import Geometry

MARGIN_MM = 12.0
"""Smallest margin shown around the segmentation, in mm."""

MARGIN_SHARE = 0.3
"""Margin shown around the segmentation as a share of its largest extent."""

SMALLEST_MARGIN_SHARE = 0.05
"""Margin that is kept where a plane is trimmed to the height of the others, as a share of the segmentation's extent."""


class Plane(str, Enum):
    """Standard planes, in the order of the picture."""

    AXIAL = "Axial"
    CORONAL = "Coronal"
    SAGITTAL = "Sagittal"


_LETTERS = {
    Plane.AXIAL: ("R", "L", "A", "P"),
    Plane.CORONAL: ("R", "L", "S", "I"),
    Plane.SAGITTAL: ("A", "P", "S", "I"),
}

Box = Tuple[Tuple[int, int], Tuple[int, int], Tuple[int, int]]
"""First voxel and one past the last voxel along each axis of an array."""


@dataclass(frozen=True)
class AnatomicalView:
    """A volume and its labels seen along the patient's axes: a view without resampling.

    Attributes
    ----------
    image, labels
        Arrays whose axes run to superior, posterior and left (z, y, x in LPS), of shape (z, y, x).
    spacing_mm
        Spacing along the same three axes, in mm.
    """

    image: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    spacing_mm: Tuple[float, float, float]


@dataclass(frozen=True)
class PlaneView:
    """One plane as it is displayed: row 0 on top, column 0 on the left, in radiological convention.

    Attributes
    ----------
    plane
        Which plane.
    image, labels
        Arrays of shape (row, column).
    spacing_mm
        Spacing of rows and columns, in mm.
    letters
        What lies to the left, right, top and bottom.
    """

    plane: Plane
    image: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    spacing_mm: Tuple[float, float]
    letters: Tuple[str, str, str, str]

    @property
    def size_mm(self) -> Tuple[float, float]:
        """Height and width in mm."""
        return self.image.shape[0] * self.spacing_mm[0], self.image.shape[1] * self.spacing_mm[1]


def to_anatomical(image: npt.NDArray[Any], labels: npt.NDArray[Any], geometry: Geometry) -> AnatomicalView:
    """Permute and flip the axes of an array so that they run nearest to superior, posterior and left.

    Parameters
    ----------
    image, labels
        Arrays of shape (z, y, x) on the grid ``geometry``.
    geometry
        The grid; oblique grids are shown along their nearest anatomical axes.
    """
    matrix = geometry.matrix
    best = max(itertools.permutations(range(3)), key=lambda p: sum(abs(matrix[world, axis]) for world, axis in enumerate(p)))
    order = tuple(2 - best[world] for world in (2, 1, 0))  # array axes of the index axes nearest to z, y, x of the patient
    flips = tuple(slice(None, None, -1 if matrix[world, best[world]] < 0 else 1) for world in (2, 1, 0))
    spacing = tuple(geometry.spacing_mm[best[world]] for world in (2, 1, 0))
    return AnatomicalView(image.transpose(order)[flips], labels.transpose(order)[flips], (spacing[0], spacing[1], spacing[2]))


def cut_planes(view: AnatomicalView) -> List[PlaneView]:
    """Cut the three planes that show most of the segmentation, with the same field of view.

    Without any labelled voxel the planes go through the middle of the volume.
    """
    return planes_at(view, choose_centre(view.labels), field_of_view(view))


def planes_at(view: AnatomicalView, centre: Tuple[int, int, int], box: Box) -> List[PlaneView]:
    """Cut the axial, coronal and sagittal plane through ``centre`` (z, y, x), as far as ``box`` reaches."""
    (z0, z1), (y0, y1), (x0, x1) = box
    z, y, x = centre
    dz, dy, dx = view.spacing_mm
    cuts = (
        (Plane.AXIAL, (z, slice(y0, y1), slice(x0, x1)), (dy, dx), False),
        (Plane.CORONAL, (slice(z0, z1), y, slice(x0, x1)), (dz, dx), True),
        (Plane.SAGITTAL, (slice(z0, z1), slice(y0, y1), x), (dz, dy), True),
    )
    planes = []
    for plane, index, spacing, upside_down in cuts:
        image, labels = view.image[index], view.labels[index]
        if upside_down:
            image, labels = image[::-1], labels[::-1]
        planes.append(PlaneView(plane, image, labels, spacing, _LETTERS[plane]))
    return planes


def choose_centre(labels: npt.NDArray[Any]) -> Tuple[int, int, int]:
    """Return for each axis the slice with most content, as indices (z, y, x).

    Every structure votes for a slice with its share of its own largest cross-section, so that a small structure counts as
    much as a large one. Ties go to the slice nearest to the middle of the votes.
    """
    found = _bounding_box(labels)
    if found is None:
        return labels.shape[0] // 2, labels.shape[1] // 2, labels.shape[2] // 2
    part = labels[tuple(slice(*limits) for limits in found)]
    centre = [_best_slice(_areas(part, axis)) + found[axis][0] for axis in range(3)]
    return centre[0], centre[1], centre[2]


def field_of_view(view: AnatomicalView) -> Box:
    """Return the box that is shown: the segmentation with a margin, as high as deep where the volume allows it."""
    found = _bounding_box(view.labels)
    shape = view.labels.shape
    if found is None:
        return (0, shape[0]), (0, shape[1]), (0, shape[2])
    spacing = view.spacing_mm
    extents_mm = [(stop - start) * s for (start, stop), s in zip(found, spacing)]
    margin_mm = max(MARGIN_MM, MARGIN_SHARE * max(extents_mm))
    wanted_mm = [e + 2 * margin_mm for e in extents_mm]
    wanted_mm[0] = wanted_mm[1] = _common_height_mm(wanted_mm, extents_mm, [n * s for n, s in zip(shape, spacing)])
    box = [_interval(limits, w / s, n) for limits, w, s, n in zip(found, wanted_mm, spacing, shape)]
    return box[0], box[1], box[2]


def _common_height_mm(wanted_mm: Sequence[float], extents_mm: Sequence[float], available_mm: Sequence[float]) -> float:
    """Return one height for the axial plane (along y) and the other two (along z): as much as both axes have to give."""
    height = min(max(wanted_mm[0], wanted_mm[1]), available_mm[0], available_mm[1])
    return max(height, *((1 + 2 * SMALLEST_MARGIN_SHARE) * e for e in extents_mm[:2]))


def _interval(limits: Tuple[int, int], wanted: float, size: int) -> Tuple[int, int]:
    """Return an interval of about ``wanted`` voxels around ``limits``, inside 0 to ``size``."""
    length = min(size, max(1, round(wanted)))
    start = round((limits[0] + limits[1] - length) / 2)
    start = min(max(0, start), size - length)
    return start, start + length


def _bounding_box(labels: npt.NDArray[Any]) -> Any:
    """Return the box around all labelled voxels, or None."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hits = np.flatnonzero(labels.any(axis=others))
        if not hits.size:
            return None
        box.append((int(hits[0]), int(hits[-1]) + 1))
    return tuple(box)


def _areas(labels: npt.NDArray[Any], axis: int) -> npt.NDArray[np.float64]:
    """Count the voxels of every label in every slice along ``axis``; shape (slice, label), background left out."""
    highest = int(labels.max())
    counts = [np.bincount(piece.ravel(), minlength=highest + 1) for piece in np.moveaxis(labels, axis, 0)]
    return np.asarray(counts, dtype=np.float64)[:, 1:]


def _best_slice(areas: npt.NDArray[np.float64]) -> int:
    largest = areas.max(axis=0)
    shares = areas[:, largest > 0] / largest[largest > 0]
    votes = np.sqrt(shares).sum(axis=1)
    middle = float((votes * np.arange(len(votes))).sum() / votes.sum())
    candidates = np.flatnonzero(votes >= 0.98 * votes.max())
    return int(candidates[np.argmin(np.abs(candidates - middle))])
