"""An ordinary image of a label map, in a file: what nnU-Net plans and validates with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.atomic import atomic_path
from kdseg_training.synthesis.anatomy import Anatomy
from kdseg_training.synthesis.generator import Generator
from kdseg_training.synthesis.label_map import LabelMap
from kdseg_training.synthesis.placement import Shape
from kdseg_training.synthesis.settings import Appearance

GREYS = 200
"""Rendered images are stored as whole numbers, this many for one standard deviation."""

RENDERED = Appearance.model_validate(
    {
        "spatial": {
            "rotation_deg": 0,
            "scaling": 0,
            "shearing": 0,
            "translation_mm": (0, 0, 0),
            "displacement_mm": (0, 0),
            "flip": 0,
        },
        "contrast": {"t1": 1, "inverted": 0, "related": 0, "free": 0, "background_zero": 0, "background_any": 0},
        "stripping": {"share": 0},
        "degradation": {"bias": (0, 0.1), "noise": (0.01, 0.02), "thick_slices": 0, "low_resolution": 0, "gamma": 0},
        "field_of_view": {"share": 0},
    }
)
"""The images that nnU-Net plans with look like ordinary T1-weighted ones."""


def render(anatomy: Anatomy, label_map: LabelMap, spacing_mm: float, seed: int) -> Tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Draw a label map as it lies, in T1-weighted contrast, at a spacing.

    Returns
    -------
    image
        int16 (z, y, x), not negative.
    labels
        Classes, uint8 or uint16, of the same shape.
    """
    sizes = [math.ceil(n * mm / spacing_mm) for n, mm in zip(label_map.voxels.shape, label_map.spacing_mm, strict=True)]
    shape: Shape = (sizes[0], sizes[1], sizes[2])
    middle = tuple((n - 1) / 2 for n in label_map.voxels.shape)
    centred = LabelMap(label_map.name, label_map.voxels, label_map.spacing_mm, (middle[0], middle[1], middle[2]))
    sample = Generator(anatomy, RENDERED, shape=shape, spacing_mm=(spacing_mm,) * 3).draw(centred, seed)
    grey = sample.image[0].numpy()
    image = np.clip(np.round((grey - grey.min()) * GREYS), 0, np.iinfo(np.int16).max).astype(np.int16)
    classes = sample.target[0].numpy().astype(np.uint8 if len(anatomy.structures) < 255 else np.uint16)
    return image, classes


def write_image(path: Path, values: npt.NDArray[Any], spacing_mm: float) -> None:
    """Write an array (z, y, x) in RAS order as an image file."""
    import SimpleITK as sitk  # noqa: N813 (its own documentation's name)

    image = sitk.GetImageFromArray(values)
    image.SetSpacing((spacing_mm,) * 3)
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))  # RAS, said in ITK's LPS
    with atomic_path(path) as temporary:
        sitk.WriteImage(image, str(temporary))
