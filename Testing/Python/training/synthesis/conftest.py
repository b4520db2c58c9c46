"""A phantom of a head: ellipsoids, left and right apart, with skull and scalp."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from kdseg_training.synthesis.anatomy import Anatomy, AnatomySettings, build_anatomy
from kdseg_training.synthesis.label_map import LabelMap, build_label_map

BRAIN = Path(__file__).parents[4] / "Examples" / "brain"
SHAPE, SPACING_MM = (30, 36, 32), 4.0

ANATOMY: Dict[str, Any] = {
    "structures": ["Left white", "Right white", "Left grey", "Right grey", "Fluid"],
    "tissues": {
        "white": {"t1": [0.75, 0.85], "kind": "white"},
        "grey": {"t1": [0.45, 0.55], "kind": "grey"},
        "fluid": {"t1": [0.1, 0.2], "kind": "fluid"},
        "bone": {"t1": [0.0, 0.1], "void": True},
        "muscle": {"t1": [0.35, 0.45]},
        "fat": {"t1": [0.8, 1.0]},
    },
    "labels": [
        {"label": 2, "tissue": "white", "structure": "Left white", "mirror": 41},
        {"label": 41, "tissue": "white", "structure": "Right white", "mirror": 2},
        {"label": 3, "tissue": "grey", "structure": "Left grey", "mirror": 42},
        {"label": 42, "tissue": "grey", "structure": "Right grey", "mirror": 3},
        {"label": 24, "tissue": "fluid", "structure": "Fluid", "outside": True},
        {"label": 515, "tissue": "bone", "outside": True},
        {"label": 511, "tissue": "muscle", "mixed_with": "fat", "outside": True},
    ],
}


def phantom(scale: float = 1.0) -> np.ndarray:
    """Return labels (z, y, x) in RAS order: the left side of the body has the smaller x."""
    z, y, x = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) for n in SHAPE], indexing="ij")
    radius = np.sqrt((z / 0.9) ** 2 + (y / 1.1) ** 2 + x**2) / scale
    left = x < 0
    values = np.zeros(SHAPE, dtype=np.uint16)
    for limit, numbers in ((14.5, (511, 511)), (13.0, (515, 515)), (12.0, (24, 24)), (10.5, (3, 42)), (7.5, (2, 41))):
        values[radius < limit] = np.where(left, *numbers)[radius < limit]
    values[(radius < 11) & left & (y > 6) & (z > 3)] = 2  # a landmark, so that no two directions look alike
    return values


@pytest.fixture(scope="session")
def anatomy() -> Anatomy:
    return build_anatomy(AnatomySettings.model_validate(ANATOMY))


@pytest.fixture(scope="session")
def head(anatomy: Anatomy) -> LabelMap:
    return build_label_map("head", anatomy.compact(phantom(), Path("head")), (SPACING_MM,) * 3, anatomy, Path("head"))


@pytest.fixture(scope="session")
def label_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three heads as files, one of them stored in another orientation."""
    folder = tmp_path_factory.mktemp("label_maps")
    for name, scale in (("one", 1.0), ("two", 0.93), ("three", 0.96)):
        image = sitk.GetImageFromArray(phantom(scale))
        image.SetSpacing((SPACING_MM,) * 3)
        image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
        if name == "two":
            image = sitk.DICOMOrient(image, "LIA")
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
