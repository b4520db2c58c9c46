"""The picture shows the right side, the right place, the right proportions and every structure."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.picture import draw_overview, to_png
from kdseg.picture.contours import outlines
from kdseg.picture.legend import format_ml, legend_rows
from kdseg.picture.planes import Plane, choose_centre, cut_planes, field_of_view, to_anatomical
from kdseg.segmentation import Code, LabelEntry, Segmentation

TISSUE = Code("SCT", "85756007", "Tissue")
RED, GREEN = (255, 0, 0), (0, 255, 0)


def an_entry(value=1, name="Liver", color=RED):
    return LabelEntry(value, name, color, TISSUE, TISSUE)


def a_segmentation(labels, geometry, *entries):
    return Segmentation(labels, geometry, entries or (an_entry(),))


def where_colored(picture, color):
    """Rows and columns of the pixels that have exactly this colour, without the legend (its chips are solid squares)."""
    pixels = np.asarray(picture).astype(int)
    return np.nonzero((np.abs(pixels - np.array(color)) <= 8).all(axis=2))


SIGNED_PERMUTATIONS = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]


@pytest.mark.parametrize(("permutation", "signs"), SIGNED_PERMUTATIONS)
@pytest.mark.parametrize("tilt_degrees", [0, 20])
def test_the_view_is_the_one_of_simpleitks_orienter(permutation, signs, tilt_degrees):
    a = math.radians(tilt_degrees)
    tilt = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    direction = tilt @ (np.eye(3)[:, permutation] * signs)
    array = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    spacing = (0.5, 0.8, 3.0)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetDirection(direction.ravel().tolist())
    expected = SimpleITK.DICOMOrient(image, "LPS")

    view = to_anatomical(array, array, Geometry((3, 4, 5), spacing, direction=tuple(direction.ravel().tolist())))

    np.testing.assert_array_equal(view.image, SimpleITK.GetArrayFromImage(expected))
    assert view.spacing_mm == expected.GetSpacing()[::-1]


def test_planes_are_radiological():
    """On an LPS grid x runs to the left, y to posterior and z to superior."""
    image = np.zeros((6, 6, 6))
    image[:, :, 0] += 1  # the patient's right
    image[:, 0, :] += 10  # anterior
    image[5, :, :] += 100  # superior
    labels = np.ones((6, 6, 6), np.uint8)
    planes = {p.plane: p for p in cut_planes(to_anatomical(image, labels, Geometry((6, 6, 6), (1, 1, 1))))}
    axial, coronal, sagittal = (planes[p].image for p in Plane)
    assert (axial[1:, 0] == 1).all() and (axial[0, 1:] == 10).all()
    assert (coronal[1:, 0] == 1).all() and (coronal[0, 1:] == 100).all()
    assert (sagittal[1:, 0] == 10).all() and (sagittal[0, 1:] == 100).all()
    assert planes[Plane.AXIAL].letters == ("R", "L", "A", "P")
    assert planes[Plane.CORONAL].letters == ("R", "L", "S", "I")
    assert planes[Plane.SAGITTAL].letters == ("A", "P", "S", "I")


def test_the_cut_goes_where_most_structures_are():
    labels = np.zeros((20, 12, 12), np.uint8)
    labels[2:18, 3:9, 3:9] = 1
    labels[12:15, 10, 10] = 2  # small, but worth as much as the large one
    z, _, _ = choose_centre(labels)
    assert z in (12, 13, 14)


def test_without_a_structure_the_cut_is_the_middle():
    assert choose_centre(np.zeros((8, 10, 12), np.uint8)) == (4, 5, 6)


def test_the_field_of_view_holds_every_structure_and_stays_inside():
    labels = np.zeros((40, 200, 200), np.uint8)
    labels[35:40, 90:100, 0:10] = 1
    view = to_anatomical(labels, labels, Geometry((40, 200, 200), (1, 1, 1)))
    (z0, z1), (y0, y1), (x0, x1) = field_of_view(view)
    assert 0 <= z0 <= 35 and z1 == 40 and y0 <= 90 and y1 >= 100 and x0 == 0 and 10 < x1 < 60
    assert z1 - z0 == y1 - y0  # one height for the three planes


def test_an_outline_has_the_area_of_its_mask():
    rows, columns = np.mgrid[:60, :60]
    disc = (rows - 30) ** 2 + (columns - 30) ** 2 <= 20**2
    (points,) = outlines(disc)
    x, y = points[:, 1], points[:, 0]
    area = 0.5 * abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    assert area == pytest.approx(disc.sum(), rel=0.02)
    np.testing.assert_allclose(points.mean(axis=0), (30.5, 30.5), atol=0.05)
    radii = np.hypot(*(points - 30.5).T)
    assert radii.std() < 0.2  # the staircase of the voxels (0.29 for a random offset of one voxel) is smoothed


def test_one_voxel_keeps_its_outline():
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    (points,) = outlines(mask, inset_voxels=0.2)
    np.testing.assert_allclose(points.mean(axis=0), (2.5, 3.5), atol=0.01)


def test_a_hole_is_an_outline_of_its_own():
    mask = np.ones((12, 12), bool)
    mask[4:8, 4:8] = False
    assert len(outlines(mask)) == 2


def test_proportions_follow_the_spacing():
    """A cube of 40 mm on a grid of 1 × 1 × 4 mm is drawn as a square in every plane."""
    labels = np.zeros((30, 100, 100), np.uint8)
    labels[10:20, 30:70, 30:70] = 1
    geometry = Geometry((30, 100, 100), (1, 1, 4))
    rng = np.random.default_rng(0)
    picture = draw_overview(rng.normal(size=labels.shape), geometry, a_segmentation(labels, geometry))
    rows, columns = where_colored(picture, RED)
    in_planes = rows < picture.height - 60
    rows, columns = rows[in_planes], columns[in_planes]
    edges = np.flatnonzero(np.diff(np.unique(columns)) > 100)
    starts = np.unique(columns)
    groups = np.split(starts, edges + 1)
    width = np.ptp(starts[starts <= groups[0][-1]])
    height = np.ptp(rows)
    assert width == pytest.approx(height, rel=0.03)
    # three equal squares: left and right border of each, six groups of columns at most
    total = [np.ptp(g) for g in groups if np.ptp(g) > 100]
    assert all(t == pytest.approx(height, rel=0.03) for t in total)


def test_the_scale_bar_is_true():
    labels = np.zeros((100, 100, 100), np.uint8)
    labels[30:70, 30:70, 30:70] = 1
    geometry = Geometry((100, 100, 100), (1, 1, 1))
    picture = draw_overview(np.zeros(labels.shape), geometry, a_segmentation(labels, geometry))
    rows, columns = where_colored(picture, RED)
    first_plane = columns < picture.width // 3
    cube_px = np.ptp(columns[first_plane & (rows < picture.height - 60)])
    bar_rows, bar_columns = where_colored(picture.crop((350, 0, picture.width // 3, picture.height)), (232, 236, 243))
    row = np.bincount(bar_rows).argmax()
    assert np.ptp(bar_columns[bar_rows == row]) + 1 == (bar_rows == row).sum()  # one unbroken bar
    assert (bar_rows == row).sum() / cube_px * 40 == pytest.approx(10, rel=0.04)


def test_every_structure_is_drawn_in_its_colour_and_named():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4:16, 4:16, 4:10] = 1
    labels[4:16, 4:16, 10:16] = 2
    geometry = Geometry(labels.shape, (2, 2, 2))
    result = a_segmentation(labels, geometry, an_entry(), an_entry(2, "Spleen", GREEN), an_entry(3, "Kidney", (0, 0, 255)))
    picture = draw_overview(np.zeros(labels.shape), geometry, result)
    planes = picture.crop((0, 0, picture.width, picture.height - 60))
    assert where_colored(planes, RED)[0].size > 500
    assert where_colored(planes, GREEN)[0].size > 500
    assert where_colored(planes, (0, 0, 255))[0].size == 0
    rows = legend_rows(result, [])
    assert [(r.name, r.value) for r in rows] == [("Liver", "6.91 ml"), ("Spleen", "6.91 ml"), ("1 not found", "")]


@pytest.mark.parametrize(
    ("volume_ml", "text"), [(0.031, "0.03 ml"), (6.912, "6.91 ml"), (48.14, "48.1 ml"), (1043.2, "1,043 ml")]
)
def test_volumes_have_sensible_digits(volume_ml, text):
    assert format_ml(volume_ml) == text


@pytest.mark.parametrize("shape", [(1, 30, 30), (30, 30, 30)])
def test_an_empty_result_still_gives_a_picture(shape):
    geometry = Geometry(shape, (1, 1, 1))
    picture = draw_overview(np.full(shape, 7, np.int16), geometry, a_segmentation(np.zeros(shape, np.uint8), geometry))
    with Image.open(io.BytesIO(to_png(picture))) as opened:
        assert opened.size[0] == 1600 and opened.format == "PNG"


def test_another_grid_is_refused():
    geometry = Geometry((4, 4, 4), (1, 1, 1))
    with pytest.raises(GeometryError, match="one grid"):
        draw_overview(np.zeros((4, 4, 5)), geometry, a_segmentation(np.zeros((4, 4, 4), np.uint8), geometry))
