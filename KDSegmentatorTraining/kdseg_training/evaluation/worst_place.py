"""Where a segmentation is most wrong: the place to look at first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.segmentation import Segmentation
from kdseg_training.metrics.definitions import Status, SurfaceDefinition
from kdseg_training.metrics.nearest import near_offsets, nearest_distances_mm
from kdseg_training.metrics.surfaces import on_surface, surface_codes

PREDICTION, REFERENCE = "prediction", "reference"
"""Values of :attr:`Place.surface`."""

Mask = npt.NDArray[np.bool_]
Index = Tuple[int, int, int]


@dataclass(frozen=True)
class Place:
    """The place of the largest error of one class.

    Attributes
    ----------
    point_lps_mm
        The point of a surface that is farthest from the other surface, in the LPS frame, in mm. Of a structure that only one
        of the two has, or of two equal ones, the centre of the voxel nearest to its centroid; of two that differ although
        their surfaces have the same places, that of the voxel nearest to the centroid of the difference.
    index_zyx
        Array index of a voxel at that point: one that only one of the two masks holds, wherever there is one.
    distance_mm
        Distance to the other surface, the Hausdorff distance of the class; infinity where the other surface does not exist.
    status
        Whether prediction and reference hold the class.
    surface
        On whose surface the point lies, :data:`PREDICTION` or :data:`REFERENCE`; both where the distance is 0.
    """

    point_lps_mm: Tuple[float, float, float]
    index_zyx: Index
    distance_mm: float
    status: Status
    surface: str


def largest_error(
    prediction: Segmentation,
    reference: Segmentation,
    label: int,
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS,
) -> Optional[Place]:
    """Return where the two surfaces of a class are farthest apart.

    Parameters
    ----------
    prediction, reference
        Label maps on one grid.
    label
        Value of the class in both, above 0.
    definition
        What a surface is; under the definition of the evaluation the distance is its Hausdorff distance.

    Returns
    -------
    Place or None
        None where neither holds the class. Of several places at the same distance, the prediction's first, then the first in
        the order of the array.

    Raises
    ------
    GeometryError
        If the two do not lie on one grid.
    ValueError
        If the label is not above 0.
    """
    if label < 1:
        raise ValueError(f"a label must be above 0, found {label}")
    if not prediction.geometry.is_close(reference.geometry):
        raise GeometryError(
            "Prediction and reference lie on different grids.",
            expected=f"{reference.geometry}",
            found=f"{prediction.geometry}",
            remedy="Resample the prediction to the grid of the reference, with nearest neighbours.",
        )
    return largest_error_of_masks(prediction.labels == label, reference.labels == label, reference.geometry, definition)


def largest_error_of_masks(
    prediction: Mask,
    reference: Mask,
    geometry: Geometry,
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS,
) -> Optional[Place]:
    """Return the same for two masks of shape (z, y, x) on one grid, such as structures that are made of several labels."""
    box = _common_box(prediction, reference)
    if box is None:
        return None
    masks = prediction[box], reference[box]
    status = Status.of(int(masks[0].any()), int(masks[1].any()))
    corner = np.array([limits.start for limits in box])
    if status is not Status.OK or np.array_equal(*masks):
        mask = masks[1] if status is Status.MISSED else masks[0]
        index = corner + _centre_voxel(mask, geometry)
        distance_mm = 0.0 if status is Status.OK else math.inf
        surface = REFERENCE if status is Status.MISSED else PREDICTION
        return _place(index, index, geometry, distance_mm=distance_mm, status=status, surface=surface)
    return _farthest(masks[0], masks[1], corner, geometry, SurfaceDefinition(definition))


def _farthest(
    prediction: Mask, reference: Mask, corner: npt.NDArray[np.int64], geometry: Geometry, definition: SurfaceDefinition
) -> Place:
    """Return the place of the largest distance between two surfaces that exist and differ."""
    x, y, z = geometry.spacing_mm
    spacing_zyx_mm = (z, y, x)
    margin = near_offsets(spacing_zyx_mm).margin
    surfaces = [on_surface(surface_codes(mask, margin, definition)) for mask in (prediction, reference)]
    found = [
        _farthest_of(surfaces[0], surfaces[1], spacing_zyx_mm),
        _farthest_of(surfaces[1], surfaces[0], spacing_zyx_mm),
    ]
    which = 0 if found[0][0] >= found[1][0] else 1
    distance_mm, place = found[which]
    if distance_mm == 0.0:  # a hole of one voxel in a thin sheet leaves every place of its surface where it was
        index = corner + _centre_voxel(prediction ^ reference, geometry)
        return _place(index, index, geometry, distance_mm=0.0, status=Status.OK, surface=PREDICTION)
    position = np.array(np.unravel_index(place, surfaces[0].shape)) - np.array(margin)
    voxel = position
    exact = position.astype(np.float64)
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        exact -= 0.5  # corner i lies between the voxels i − 1 and i
        voxel = _wrong_voxel(prediction ^ reference, position)
    surface = (PREDICTION, REFERENCE)[which]
    return _place(exact + corner, voxel + corner, geometry, distance_mm=distance_mm, status=Status.OK, surface=surface)


def _farthest_of(source: Mask, target: Mask, spacing_zyx_mm: Tuple[float, float, float]) -> Tuple[float, int]:
    """Return the largest distance from ``source`` to ``target``, and the flat index of its place."""
    queries = np.flatnonzero(source & ~target)
    if not len(queries):
        return 0.0, int(np.argmax(source))
    distances = nearest_distances_mm(queries, target, spacing_zyx_mm, 1)
    farthest = int(np.argmax(distances))
    return float(distances[farthest]), int(queries[farthest])


def _wrong_voxel(wrong: Mask, corner: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return one of the eight voxels around a voxel corner that only one mask holds.

    There is one: at a corner that lies on one surface only, the other mask holds all eight or none.
    """
    around = np.array(list(np.ndindex(2, 2, 2))) + corner - 1
    inside = around[((around >= 0) & (around < wrong.shape)).all(axis=1)]
    voxel: npt.NDArray[np.int64] = inside[int(np.argmax(wrong[tuple(inside.T)]))]
    return voxel


def _centre_voxel(mask: Mask, geometry: Geometry) -> npt.NDArray[np.int64]:
    """Return the voxel of a mask that is nearest to its centroid."""
    voxels = np.argwhere(mask)
    away_mm = (voxels - voxels.mean(axis=0)) * np.array(geometry.spacing_mm[::-1])
    nearest: npt.NDArray[np.int64] = voxels[int(np.argmin((away_mm**2).sum(axis=1)))]
    return nearest


def _place(
    exact_zyx: npt.NDArray[Any],
    voxel_zyx: npt.NDArray[np.int64],
    geometry: Geometry,
    *,
    distance_mm: float,
    status: Status,
    surface: str,
) -> Place:
    steps_mm = exact_zyx[::-1] * np.array(geometry.spacing_mm)
    x, y, z = (geometry.matrix @ steps_mm + np.array(geometry.origin_mm)).tolist()
    i, j, k = (int(value) for value in voxel_zyx)
    return Place((x, y, z), (i, j, k), distance_mm, status, surface)


def _common_box(prediction: Mask, reference: Mask) -> Optional[Tuple[slice, ...]]:
    """Return the box around two masks, found slice by slice; None where both are empty."""
    hits = [np.zeros(size, dtype=bool) for size in reference.shape]
    for z, planes in enumerate(zip(prediction, reference)):
        held = planes[0] | planes[1]
        if held.any():
            hits[0][z] = True
            hits[1] |= held.any(axis=1)
            hits[2] |= held.any(axis=0)
    if not hits[0].any():
        return None
    edges = [np.flatnonzero(hit)[[0, -1]].tolist() for hit in hits]
    return tuple(slice(first, last + 1) for first, last in edges)
