"""What several tests of the runtime share."""

import numpy as np
import pytest
from scipy import ndimage

from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.student import Student
from kdseg.volume import Volume
from kdseg_testing.shipped import HIPPOCAMPUS


@pytest.fixture(scope="session")
def hippocampus_student() -> Student:
    """The student for the hippocampus that ships."""
    return load_student(HIPPOCAMPUS.path)


@pytest.fixture(scope="session")
def smooth_volume() -> Volume:
    """A volume of several patches with structures of a few millimetres, 0.8 × 1.1 × 1 mm."""
    shape = (50, 70, 60)
    rng = np.random.default_rng(0)
    voxels = ndimage.gaussian_filter(rng.standard_normal(shape), 2.5) * 3000 + 400
    return Volume(voxels.astype(np.float32)[None], Geometry(shape, (0.8, 1.1, 1.0)), "smooth")
