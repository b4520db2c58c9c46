"""Two label maps on one grid of the patient, or a refusal that says what differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

import numpy as np

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.io.reader import SAME_GRID_TOLERANCE_MM
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.cases import Pair

_SHOWN_DIFFERENCE = 1e-5
"""Numbers of two headers that differ by less are not named as the difference; in their own units."""


def lies_on_grid(segmentation: Segmentation, grid: Geometry) -> bool:
    """Tell whether the two are one grid; files keep positions with different precision, so 0.01 mm are allowed."""
    return segmentation.geometry.is_close(grid, SAME_GRID_TOLERANCE_MM)


def different_grids(pair: Pair, prediction: Geometry, reference: Geometry) -> GeometryError:
    """Return the error that names what differs."""
    names = ("shape", "spacing_mm", "origin_mm", "direction")
    differing = [name for name in names if _differ(getattr(prediction, name), getattr(reference, name))] or list(names)
    return GeometryError(
        f"Prediction and reference of the case {pair.case} lie on different grids.",
        expected=_text(reference, differing),
        found=_text(prediction, differing),
        path=pair.prediction,
        remedy="Resample the prediction to the grid of the reference with nearest neighbours, or let the evaluation do so "
        "(--resample).",
    )


def resampled(segmentation: Segmentation, grid: Geometry) -> Segmentation:
    """Return the labels on another grid by nearest neighbours; background outside the segmentation's own grid."""
    import SimpleITK as sitk  # noqa: N813

    resampler = sitk.ResampleImageFilter()
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    resampler.SetReferenceImage(_image(np.zeros(grid.shape, dtype=np.uint8), grid))
    resampler.SetDefaultPixelValue(0)
    resampler.SetOutputPixelType(sitk.sitkUInt8 if segmentation.labels.dtype == np.uint8 else sitk.sitkUInt16)
    moved = resampler.Execute(_image(segmentation.labels, segmentation.geometry))
    return replace(segmentation, labels=sitk.GetArrayFromImage(moved), geometry=grid)


def _image(labels: Any, grid: Geometry) -> Any:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image


def _differ(ours: Tuple[float, ...], theirs: Tuple[float, ...]) -> bool:
    return bool(np.abs(np.subtract(ours, theirs)).max() > _SHOWN_DIFFERENCE)


def _text(grid: Geometry, names: Any) -> str:
    return "; ".join(f"{name} ({', '.join(f'{value + 0.0:.6g}' for value in getattr(grid, name))})" for name in names)
