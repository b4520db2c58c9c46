"""Doubts about a volume follow from its values and the student's modality, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.plans.model import ArrayOrientation
from kdseg.plausibility import doubts
from kdseg.volume import Volume
from kdseg_testing.shipped import HIPPOCAMPUS


@pytest.fixture(scope="module")
def student():
    """A student that takes the axes of the file as they are."""
    shipped = load_student(HIPPOCAMPUS.path)
    return replace(shipped, plan=replace(shipped.plan, orientation=ArrayOrientation.NATIVE))


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
