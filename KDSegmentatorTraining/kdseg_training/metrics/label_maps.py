"""Check label maps and bring the labels of interest into one byte."""

from __future__ import annotations

from typing import Any, Iterator, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError, InputError

LARGEST_LABEL = 65535
"""Largest value of a label map: nnU-Net and Slicer store labels in 8 or 16 bits."""

CLASSES_PER_PASS = 255
"""Classes that fit into one byte beside the background."""


def check_label_maps(prediction: npt.NDArray[Any], reference: npt.NDArray[Any], labels: Sequence[int]) -> None:
    """Refuse what cannot be compared.

    Raises
    ------
    GeometryError
        If the arrays are not both of one three-dimensional shape.
    InputError
        If an array does not hold integers from 0 to :data:`LARGEST_LABEL`.
    ValueError
        If the labels are not distinct numbers of that range above 0.
    """
    if prediction.shape != reference.shape or prediction.ndim != 3 or prediction.size == 0:
        raise GeometryError(
            "Prediction and reference are not on one grid.",
            expected=f"two volumes of one shape (z, y, x), the reference has {reference.shape}",
            found=f"a prediction of shape {prediction.shape}",
            remedy="Resample the prediction to the grid of the reference, with nearest neighbours.",
        )
    for name, array in (("prediction", prediction), ("reference", reference)):
        _check_values(name, array)
    if len(set(labels)) != len(labels) or not all(1 <= label <= LARGEST_LABEL for label in labels):
        raise ValueError(f"labels must be distinct and lie between 1 and {LARGEST_LABEL}, found {list(labels)}")


def _check_values(name: str, array: npt.NDArray[Any]) -> None:
    if array.dtype.kind not in "bui":
        raise InputError(f"The {name} is not a label map.", expected="integers", found=f"values of type {array.dtype}")
    if array.dtype in (np.uint8, np.uint16, np.bool_):
        return
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > LARGEST_LABEL:
        raise InputError(
            f"The {name} is not a label map.",
            expected=f"values from 0 to {LARGEST_LABEL}",
            found=f"values from {low} to {high}",
        )


def one_byte_passes(
    prediction: npt.NDArray[Any], reference: npt.NDArray[Any], labels: Sequence[int]
) -> Iterator[Tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Tuple[Tuple[int, int], ...]]]:
    """Yield label maps of one byte per voxel that together hold every label once.

    Yields
    ------
    prediction, reference
        uint8, C order, with all other labels set to 0 where a translation was needed.
    pairs
        (label, value in these arrays) for the labels of the pass.
    """
    if prediction.dtype in (np.uint8, np.bool_) and reference.dtype in (np.uint8, np.bool_):
        known = tuple((label, label) for label in labels if label <= CLASSES_PER_PASS)
        unknown = tuple(label for label in labels if label > CLASSES_PER_PASS)
        maps = tuple(np.ascontiguousarray(array).view(np.uint8) for array in (prediction, reference))
        yield maps[0], maps[1], known
        if unknown:
            empty = np.zeros((1, 1, 1), dtype=np.uint8)
            for start in range(0, len(unknown), CLASSES_PER_PASS):
                yield empty, empty, _numbered(unknown[start : start + CLASSES_PER_PASS])
        return
    for start in range(0, len(labels), CLASSES_PER_PASS):
        pairs = _numbered(labels[start : start + CLASSES_PER_PASS])
        table = np.zeros(LARGEST_LABEL + 1, dtype=np.uint8)
        for label, value in pairs:
            table[label] = value
        yield table[prediction.astype(np.uint16, copy=False)], table[reference.astype(np.uint16, copy=False)], pairs


def _numbered(labels: Sequence[int]) -> Tuple[Tuple[int, int], ...]:
    return tuple((label, value) for value, label in enumerate(labels, start=1))
