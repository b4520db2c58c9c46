"""The place of the largest error, against a search through all pairs and against places that are plain."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import SimpleITK

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.worst_place import largest_error
from kdseg_training.metrics import Status, SurfaceDefinition, evaluate_pair

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


def on_grid(labels, spacing_mm=(0.5, 2.0, 3.0), origin_mm=(10.0, -20.0, 30.0), direction=OBLIQUE):
    labels = np.asarray(labels, dtype=np.uint8)
    return Segmentation(labels, Geometry(labels.shape, spacing_mm, origin_mm, direction), ())


def itk_point(segmentation, index_zyx):
    """Where ITK puts an index that may lie between voxels."""
    image = SimpleITK.GetImageFromArray(segmentation.labels)
    image.SetSpacing(segmentation.geometry.spacing_mm)
    image.SetOrigin(segmentation.geometry.origin_mm)
    image.SetDirection(segmentation.geometry.direction)
    return image.TransformContinuousIndexToPhysicalPoint([float(v) for v in index_zyx[::-1]])


def surface_points(mask, definition):
    """Indices (z, y, x) of the places on a surface, one by one and by the words of the definition."""
    padded = np.pad(mask, 1)
    found = []
    if definition is SurfaceDefinition.SURFACE_ELEMENTS:
        for corner in np.ndindex(*(n + 1 for n in mask.shape)):
            block = padded[tuple(slice(c, c + 2) for c in corner)]
            if block.any() and not block.all():
                found.append(np.array(corner) - 0.5)
        return np.array(found)
    for voxel in np.argwhere(mask):
        neighbours = [padded[tuple(voxel + 1 + s)] for s in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)])]
        if not all(neighbours):
            found.append(voxel)
    return np.array(found, dtype=float)


def distances_mm(source, target, spacing_zyx):
    return np.sqrt((((source[:, None] - target[None]) * spacing_zyx) ** 2).sum(axis=2)).min(axis=1)


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_farthest_of_all_points(definition, seed) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(4, 9, 3)
    pair = [on_grid(np.where(rng.random(shape) < share, 3, 0)) for share in (0.15, 0.05)]
    pair[0].labels[tuple(shape // 2)] = pair[1].labels[0, 0, 0] = 3
    place = largest_error(pair[0], pair[1], 3, definition)

    points = [surface_points(s.labels == 3, definition) for s in pair]
    spacing = np.array(pair[0].geometry.spacing_mm[::-1])
    apart = [distances_mm(points[0], points[1], spacing), distances_mm(points[1], points[0], spacing)]
    largest = max(a.max() for a in apart)
    assert place.distance_mm == pytest.approx(largest, abs=1e-12)
    which = 0 if place.surface == "prediction" else 1
    candidates = points[which][apart[which] >= largest - 1e-9]
    in_patient = np.array([itk_point(pair[0], c) for c in candidates])
    assert np.abs(in_patient - place.point_lps_mm).max(axis=1).min() < 1e-9
    assert place.status is Status.OK


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
@pytest.mark.parametrize("seed", range(8))
def test_its_distance_is_the_hausdorff_distance_and_its_voxel_is_wrong(definition, seed) -> None:
    rng = np.random.default_rng(100 + seed)
    shape = (6, 40, 30)
    grid = np.indices(shape)
    balls = [
        (
            ((grid - rng.uniform(2, 4, (3, 1, 1, 1)) * np.array([1, 6, 5]).reshape(3, 1, 1, 1)) / [[[[2]]], [[[9]]], [[[7]]]])
            ** 2
        )
        for _ in range(2)
    ]
    prediction, reference = (on_grid((ball.sum(axis=0) < 1).astype(np.uint8)) for ball in balls)
    place = largest_error(prediction, reference, 1, definition)
    measured = evaluate_pair(prediction, reference, [1], definition=definition, engine="numpy").classes[1]
    assert place.distance_mm == pytest.approx(measured.hd_mm, abs=1e-12)
    index = place.index_zyx
    assert prediction.labels[index] != reference.labels[index]
    assert math.dist(itk_point(reference, index), place.point_lps_mm) < math.hypot(0.5, 2.0, 3.0)


def test_a_stray_voxel_far_away_is_found() -> None:
    labels = np.zeros((10, 12, 14), np.uint8)
    labels[3:6, 3:6, 3:6] = 1
    prediction = labels.copy()
    prediction[9, 11, 13] = 1
    place = largest_error(on_grid(prediction), on_grid(labels), 1)
    assert place.index_zyx == (9, 11, 13)
    assert place.surface == "prediction"
    # from the outer corner of the last voxel to the outer corner of the cube: 4 x 3 mm, 6 x 2 mm, 8 x 0.5 mm
    assert place.distance_mm == pytest.approx(math.sqrt(12**2 + 12**2 + 4**2))
    assert place.point_lps_mm == pytest.approx(itk_point(on_grid(labels), (9.5, 11.5, 13.5)))


def test_what_the_prediction_lacks_lies_on_the_references_surface() -> None:
    labels = np.zeros((8, 8, 30), np.uint8)
    labels[2:6, 2:6, 2:28] = 1
    prediction = labels.copy()
    prediction[:, :, 12:] = 0
    place = largest_error(on_grid(prediction), on_grid(labels), 1)
    assert place.surface == "reference"
    assert place.index_zyx[2] == 27
    assert place.distance_mm == pytest.approx(16 * 0.5)


def test_a_hole_is_wrong_inside() -> None:
    labels = np.zeros((15, 15, 15), np.uint8)
    labels[1:14, 1:14, 1:14] = 1
    prediction = labels.copy()
    prediction[7, 7, 7] = 0
    place = largest_error(on_grid(prediction, (1, 1, 1)), on_grid(labels, (1, 1, 1)), 1)
    assert (place.index_zyx, place.surface) == ((7, 7, 7), "prediction")


def test_the_last_voxel_of_the_volume_may_be_wrong() -> None:
    for corner in itertools.product((0, 5), repeat=3):
        labels = np.zeros((6, 6, 6), np.uint8)
        labels[2:4, 2:4, 2:4] = 1
        prediction = labels.copy()
        prediction[corner] = 1
        for pair in ((prediction, labels), (labels, prediction)):
            assert largest_error(on_grid(pair[0]), on_grid(pair[1]), 1).index_zyx == corner


@pytest.mark.parametrize(("missed", "status"), [(True, Status.MISSED), (False, Status.HALLUCINATED)])
def test_of_a_structure_that_one_has_alone_it_is_a_voxel_at_the_centre(missed, status) -> None:
    labels = np.zeros((5, 9, 9), np.uint8)
    labels[2, 1:8, 1:8] = 7
    labels[2, 3:6, 3:6] = 0  # a ring: its centroid is not in it
    empty = on_grid(np.zeros_like(labels))
    ring = on_grid(labels)
    place = largest_error(empty, ring, 7) if missed else largest_error(ring, empty, 7)
    assert place.distance_mm == math.inf
    assert place.status is status
    assert place.surface == ("reference" if missed else "prediction")
    assert ring.labels[place.index_zyx] == 7
    # spacing 3, 2, 0.5 mm: from (2, 4, 4) the nearest voxel of the ring lies 2 steps away along x
    assert place.index_zyx == (2, 4, 2)
    assert place.point_lps_mm == pytest.approx(itk_point(ring, place.index_zyx))


def test_of_equal_structures_it_is_the_centre_and_the_distance_is_0() -> None:
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[1:4, 1:4, 1:4] = 2
    place = largest_error(on_grid(labels), on_grid(labels), 2)
    assert (place.index_zyx, place.distance_mm, place.status) == ((2, 2, 2), 0.0, Status.OK)


def test_where_neither_holds_the_class_there_is_no_place() -> None:
    labels = np.ones((3, 3, 3), np.uint8)
    assert largest_error(on_grid(labels), on_grid(labels), 2) is None


def test_other_grids_and_the_background_are_refused() -> None:
    labels = np.ones((3, 3, 3), np.uint8)
    with pytest.raises(GeometryError, match="different grids"):
        largest_error(on_grid(labels), on_grid(labels, origin_mm=(0.0, 0.0, 0.0)), 1)
    with pytest.raises(ValueError, match="above 0"):
        largest_error(on_grid(labels), on_grid(labels), 0)


def test_a_hole_in_a_thin_sheet_is_found_though_no_place_of_the_surface_moves() -> None:
    sheet = np.zeros((3, 7, 7), np.uint8)
    sheet[1, 1:6, 1:6] = 1
    pierced = sheet.copy()
    pierced[1, 3, 4] = 0
    geometry = Geometry(sheet.shape, (0.5, 2.0, 3.0), (10.0, 20.0, 30.0))
    place = largest_error(Segmentation(pierced, geometry, ()), Segmentation(sheet, geometry, ()), 1)
    assert place is not None
    assert (place.distance_mm, place.index_zyx) == (0.0, (1, 3, 4))
    assert place.point_lps_mm == pytest.approx((10 + 4 * 0.5, 20 + 3 * 2.0, 30 + 3.0))
