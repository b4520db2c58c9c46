"""Which cases are shown, and that their pictures show the right thing at the right place."""

from __future__ import annotations

import io
import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from kdseg.errors import InputError
from kdseg.geometry import Geometry
from kdseg_training.evaluation import Evaluation, EvaluationSettings
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.report.images import Images
from kdseg_training.evaluation.report.pictures import PREDICTION_COLOUR, REFERENCE_COLOUR, draw_error
from kdseg_training.evaluation.report.worst import position_text, worst_section
from kdseg_training.evaluation.report.worst_cases import WORST_BY_DISTANCE, WORST_BY_OVERLAP, worst_cases
from kdseg_training.evaluation.worst_place import Place
from kdseg_training.metrics import Status

from .conftest import ball, read


def test_missed_and_invented_structures_come_first_then_overlap_then_islands(make_evaluation) -> None:
    rows = {f"case{i:02d}": [(0.8 + i / 100, 0.8 + i / 100, 3.0), (0.99, 0.99, 1.0)] for i in range(12)}
    rows["case11"] = [(0.95, 0.95, 3.0), Status.MISSED]
    rows["case10"] = [Status.HALLUCINATED, (0.99, 0.99, 1.0)]
    rows["case09"] = [(0.97, 0.97, 80.0), (0.99, 0.99, 1.0)]
    rows["perfect"] = [(1.0, 1.0, 0.0)] * 2
    rows["empty"] = [Status.BOTH_EMPTY] * 2
    found = worst_cases(make_evaluation({"model": rows}).models[0])
    shown = [(worst.case.case, worst.label, worst.reason) for worst in found]
    assert shown[:6] == [
        ("case11", 2, "missed"),  # 1000 voxels
        ("case10", 1, "hallucinated"),  # 500
        *[(f"case{i:02d}", 1, "least overlap") for i in range(4)],
    ]
    assert shown[6] == ("case09", 1, "largest distance")
    assert len(shown) == WORST_BY_OVERLAP + WORST_BY_DISTANCE
    assert not {"perfect", "empty"} & {case for case, _, _ in shown}


def test_without_errors_nothing_is_shown(make_evaluation) -> None:
    rows = {"case": [(1.0, 1.0, 0.0), Status.BOTH_EMPTY]}
    assert worst_cases(make_evaluation({"model": rows}).models[0]) == []


def pixels_like(picture, colour, tolerance=40):
    return (np.abs(picture.astype(int) - np.array(colour)) <= tolerance).all(axis=2)


def panels(png):
    """The three panels of a picture, split at the white gaps between them."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    gap = (picture == 255).all(axis=(0, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[True], gap, [True]]).astype(int)))
    return [picture[:, a:b] for a, b in zip(edges[::2], edges[1::2])]


SIGNED = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]


@pytest.mark.parametrize(("permutation", "signs"), SIGNED[::7])
def test_left_is_on_the_right_above_is_superior_whatever_the_grid(permutation, signs) -> None:
    """The reference lies at the patient's right, front and bottom of the prediction; so it must be drawn, on any grid."""
    shape = (40, 40, 40)  # z, y, x in LPS, 1 mm
    reference, prediction = ball(shape, (12, 12, 12), 5), ball(shape, (27, 27, 27), 5)
    place = np.zeros(shape, bool)
    place[20, 20, 20] = True
    direction = np.eye(3)[:, permutation] * signs
    arrays = []
    for mask in (prediction, reference, place):
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        oriented = SimpleITK.DICOMOrientImageFilter_GetOrientationFromDirectionCosines(direction.ravel().tolist())
        arrays.append(SimpleITK.DICOMOrient(image, oriented))
    grid = Geometry(shape, (1.0, 1.0, 1.0), direction=tuple(arrays[0].GetDirection()))
    prediction, reference, place = (SimpleITK.GetArrayFromImage(array) > 0 for array in arrays)
    # planes through the reference's centre show it alone, so two pictures are looked at
    middles = {}
    for name, mask, colour in (("reference", reference, REFERENCE_COLOUR), ("prediction", prediction, PREDICTION_COLOUR)):
        index = tuple(int(v) for v in np.argwhere(mask).mean(axis=0).round())
        axial, coronal, sagittal = panels(draw_error(prediction, reference, grid, index))
        for plane, panel in (("axial", axial), ("coronal", coronal), ("sagittal", sagittal)):
            middles[name, plane] = np.argwhere(pixels_like(panel, colour)).mean(axis=0)
    for plane in ("axial", "coronal", "sagittal"):
        (row, column), (other_row, other_column) = middles["reference", plane], middles["prediction", plane]
        below = plane != "axial"  # the reference is inferior: lower down; in the axial plane it is in front: higher up
        assert (row > other_row + 50) == below
        assert abs(row - other_row) > 50
        assert other_column > column + 50  # right of the patient, or in front of her, is on the left


def test_outlines_lie_where_the_masks_are() -> None:
    shape = (30, 40, 50)
    reference = np.zeros(shape, bool)
    reference[10:20, 12:28, 14:36] = True
    axial, *_ = panels(draw_error(np.zeros(shape, bool), reference, Geometry(shape, (0.5, 1.0, 2.0)), (15, 20, 25)))
    rows, columns = np.nonzero(pixels_like(axial, REFERENCE_COLOUR, 25))
    # 22 voxels of 0.5 mm by 16 of 1 mm, with 12 mm around within the volume: 25 x 40 mm are shown
    scale = axial.shape[1] / 25.0
    assert (columns.min(), columns.max()) == pytest.approx((14 * 0.5 * scale, 36 * 0.5 * scale), abs=5)
    assert np.ptp(rows) == pytest.approx(16 * 1.0 * scale, abs=8)


def test_the_image_is_below_and_the_cross_points_at_the_place() -> None:
    shape = (30, 30, 30)
    reference = ball(shape, (15, 15, 15), 6)
    image = np.zeros(shape, np.float32)
    image[:, :15] = 1000.0
    axial, *_ = panels(draw_error(reference, reference, Geometry(shape, (1.0, 1.0, 1.0)), (15, 15, 15), image=image))
    height, width = axial.shape[:2]
    assert axial[height // 5, width // 8].min() > 150  # in front: bright
    assert axial[-height // 5, width // 8].max() < 60
    row, column = (round(15.5 / 30 * size) for size in (height, width))
    assert (axial[row, column + 12 : column + 22] > 230).all()
    assert (axial[row - 22 : row - 12, column] > 230).all()


def test_a_large_structure_is_shown_around_the_place() -> None:
    shape = (20, 200, 300)
    reference = np.ones(shape, bool)
    prediction = reference.copy()
    prediction[10, 150, 280] = False
    png = draw_error(prediction, reference, Geometry(shape, (2.0, 2.0, 2.0)), (10, 150, 280))
    axial = panels(png)[0]
    # 80 mm to the left, 38 mm to the edge of the volume; the same along y, where 98 mm are left
    assert axial.shape[1] / axial.shape[0] == pytest.approx((40 + 20) / (40 + 41), rel=0.03)


@pytest.mark.parametrize(
    ("point", "text"),
    [((1.0, -2.0, 3.25), "L 1.0, A 2.0, S 3.2 mm"), ((-1.0, 2.0, -3.0), "R 1.0, P 2.0, I 3.0 mm")],
)
def test_positions_name_their_sides(point, text) -> None:
    assert position_text(Place(point, (0, 0, 0), 1.0, Status.OK, "prediction")) == text


def a_folder_of_images(folder, grid):
    folder.mkdir()
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).normal(100, 20, grid.shape).astype(np.float32))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    for name in ("a_0000.nii.gz", "a_0001.nii.gz", "b.nii.gz"):
        SimpleITK.WriteImage(image, str(folder / name))
    return folder


def test_images_are_found_by_the_case_with_or_without_a_channel(tmp_path) -> None:
    grid = Geometry((4, 5, 6), (1.0, 1.0, 2.0), (1.0, 2.0, 3.0))
    images = Images(a_folder_of_images(tmp_path / "images", grid))
    assert images.of("a", grid).shape == (4, 5, 6)
    assert images.of("b", grid) is not None
    assert images.of("c", grid) is None
    assert Images(tmp_path / "images" / "b.nii.gz").of("anything", grid) is not None
    assert Images(None).of("a", grid) is None
    with pytest.raises(InputError, match="grid of the reference"):
        images.of("a", replace(grid, origin_mm=(1.0, 2.0, 4.0)))
    with pytest.raises(InputError, match="no such"):
        Images(tmp_path / "nowhere")


@pytest.fixture
def one_case(real_files, tmp_path):
    """The case that misses a structure, alone, in files of its own."""
    pair = next(pair for pair in real_files.evaluation.model("far").pairs if pair.case == "case2")
    own = Pair("case2", tmp_path / "prediction.nii.gz", tmp_path / "reference.nii.gz")
    shutil.copy(pair.prediction, own.prediction)
    shutil.copy(pair.reference, own.reference)
    model = real_files.evaluation.model("far")
    chosen = tuple(case for case in model.cases if case.case == "case2")
    return replace(real_files.evaluation, models=(replace(model, cases=chosen, pairs=(own,)),)), own


def test_an_image_on_another_grid_is_left_out_with_a_word(one_case, tmp_path) -> None:
    evaluation, _ = one_case
    other = Geometry((4, 5, 6), (1.0, 1.0, 2.0))
    folder = a_folder_of_images(tmp_path / "images", other)
    (folder / "b.nii.gz").rename(folder / "case2.nii.gz")
    page = read(worst_section(evaluation, Images(folder)))
    assert len(page.find("img")) == 1
    assert "The image is not shown" in page.find("figcaption")[0].text


def test_files_that_are_gone_cost_the_picture_alone(one_case) -> None:
    evaluation, pair = one_case
    pair.prediction.unlink()
    page = read(worst_section(evaluation, Images(None)))
    assert page.find("img") == []
    remark = page.find("div", role="note")[0].text
    assert remark.startswith("case2, right (missed)")
    assert "No picture" in remark


def test_files_that_changed_are_noticed(one_case) -> None:
    evaluation, pair = one_case
    empty = SimpleITK.ReadImage(str(pair.reference)) * 0
    SimpleITK.WriteImage(empty, str(pair.reference))
    shutil.copy(pair.reference, pair.prediction)
    assert "not those that were measured" in read(worst_section(evaluation, Images(None))).text


def test_voxels_that_are_not_labelled_are_no_error(one_case) -> None:
    """With the whole second ball marked as ignored, nothing of it is left to be wrong."""
    evaluation, pair = one_case
    image = SimpleITK.ReadImage(str(pair.reference))
    labels = SimpleITK.GetArrayFromImage(image)
    labels[labels == 2] = 9
    ignoring = SimpleITK.GetImageFromArray(labels)
    ignoring.CopyInformation(image)
    SimpleITK.WriteImage(ignoring, str(pair.reference))
    SimpleITK.WriteImage(image, str(pair.prediction))
    settings = EvaluationSettings(evaluation.settings.labels, ignore_label=9)
    page = read(worst_section(Evaluation(settings, "reference", evaluation.models), Images(None)))
    assert "not those that were measured" in page.text
