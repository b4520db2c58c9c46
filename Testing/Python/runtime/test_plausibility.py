"""Doubts about a volume follow from its values and the student's modality, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.plans.model import ArrayOrientation
from kdseg.plausibility import doubts
from kdseg.volume import Volume
from kdseg_testing.shipped import BRAIN, HIPPOCAMPUS


@pytest.fixture(scope="module")
def student():
    """A student that takes the axes of the file as they are, and whose plans do not tell how large its images were."""
    shipped = load_student(HIPPOCAMPUS.path)
    return replace(shipped, plan=replace(shipped.plan, orientation=ArrayOrientation.NATIVE, training_extent_mm=None))


def made_for(student, modality):
    return replace(student, document={**student.document, "modality": modality})


def volume(lowest, highest):
    voxels = np.linspace(lowest, highest, 60, dtype=np.float32).reshape(1, 3, 4, 5)
    return Volume(voxels, Geometry((3, 4, 5), (1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("modality", "lowest", "word"),
    [("MR", -1024, "Hounsfield"), ("MR", -500, "Hounsfield"), ("CT", 0, "no air"), ("CT", -499, "no air")],
)
def test_what_does_not_fit_is_told(student, modality, lowest, word):
    (sentence,) = doubts(volume(lowest, 800), made_for(student, modality))
    assert word in sentence
    assert str(lowest) in sentence


@pytest.mark.parametrize(
    ("modality", "lowest"), [("MR", 0), ("MR", -499), ("CT", -1024), ("CT", -500), ("PT", -1024), (None, 0)]
)
def test_what_fits_or_cannot_be_judged_is_silent(student, modality, lowest):
    assert doubts(volume(lowest, 800), made_for(student, modality)) == ()


AXIAL = (1, 0, 0, 0, 1, 0, 0, 0, 1)
BACKWARDS = (-1, 0, 0, 0, -1, 0, 0, 0, 1)
SAGITTAL = (0, 0, 1, 1, 0, 0, 0, -1, 0)  # x runs along P, y along I, z along L
CORONAL = (1, 0, 0, 0, 0, 1, 0, -1, 0)
TURNED = (0, 1, 0, 1, 0, 0, 0, 0, 1)
TILTED = (1, 0, 0, 0, 0.8, -0.6, 0, 0.6, 0.8)


def laid(direction):
    return Volume(
        np.zeros((1, 3, 4, 5), np.float32), Geometry((3, 4, 5), (1.0, 1.0, 1.0), direction=tuple(map(float, direction)))
    )


def trained_on(student, code):
    return replace(student, document={"orientation": {"training_data": code}})


@pytest.mark.parametrize("direction", [AXIAL, BACKWARDS, TILTED])
@pytest.mark.parametrize("code", ["RAS", "LPS"])
def test_axes_in_the_order_of_training_are_not_doubted(student, direction, code):
    assert doubts(laid(direction), trained_on(student, code)) == ()


@pytest.mark.parametrize(("direction", "words"), [(SAGITTAL, "sagittal"), (CORONAL, "coronal"), (TURNED, "axial, turned")])
def test_axes_in_another_order_are_doubted(student, direction, words):
    (sentence,) = doubts(laid(direction), trained_on(student, "RAS"))
    assert f"trained on axial slices, but these are {words}" in sentence


@pytest.mark.parametrize("code", ["unknown", "", "RAR"])
def test_without_a_known_orientation_nothing_is_doubted(student, code):
    assert doubts(laid(SAGITTAL), trained_on(student, code)) == ()


def showing(shape, spacing_mm):
    return Volume(np.zeros((1, *shape), np.float32), Geometry(shape, spacing_mm))


@pytest.fixture
def of_50_mm(student):
    return replace(student, plan=replace(student.plan, training_extent_mm=(40.0, 50.0, 62.5)))  # 125,000 mm³


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [((50, 50, 50), (1.0, 1.0, 1.0)), ((25, 100, 125), (1.0, 1.0, 4.0)), ((10, 25, 50), (1.0, 1.0, 1.0))],
)
def test_up_to_ten_times_more_or_less_is_usual(of_50_mm, shape, spacing_mm):
    assert doubts(showing(shape, spacing_mm), of_50_mm) == ()


def test_a_volume_that_shows_far_more_is_doubted(of_50_mm):
    (sentence,) = doubts(showing((60, 128, 180), (2.0, 1.0, 1.5)), of_50_mm)  # z, y, x voxels; x, y, z mm
    assert sentence.startswith("The volume shows 90 × 128 × 360 mm, but ")
    assert "trained on images of about 40 × 50 × 62 mm" in sentence
    assert "Crop the volume" in sentence


def test_a_volume_that_shows_far_less_is_doubted(of_50_mm):
    (sentence,) = doubts(showing((9, 25, 50), (1.0, 1.0, 1.0)), of_50_mm)
    assert "The volume shows 9 × 25 × 50 mm" in sentence
    assert "that shows that much" in sentence


def test_the_students_that_ship_doubt_each_others_images():
    brain, hippocampus = (load_student(shipped.path) for shipped in (BRAIN, HIPPOCAMPUS))
    head, crop = showing((180, 256, 256), (1.0, 1.0, 1.0)), showing((35, 50, 35), (1.0, 1.0, 1.0))
    assert doubts(head, brain) == doubts(crop, hippocampus) == ()
    assert len(doubts(crop, brain)) == len(doubts(head, hippocampus)) == 1
