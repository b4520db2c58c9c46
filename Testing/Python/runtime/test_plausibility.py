"""Doubts about a volume follow from its values and the student's modality, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.plausibility import doubts
from kdseg.volume import Volume


@pytest.fixture(scope="module")
def student(repository):
    (path,) = (repository / "Resources" / "Models").glob("hippocampus*.kdseg.zip")
    return load_student(path)


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
