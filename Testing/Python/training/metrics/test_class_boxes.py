"""Boxes from label changes against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kdseg_training.metrics import class_boxes
from kdseg_training.metrics.class_boxes import ClassBoxes


def _scipys(prediction: np.ndarray, reference: np.ndarray, label: int):
    either = (prediction == label) | (reference == label)
    return ndimage.find_objects(either.astype(np.uint8), max_label=1)[0]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.999])
@pytest.mark.parametrize("voxels_at_once", [1, 100, 1 << 20])
def test_boxes_are_scipys(share, voxels_at_once, monkeypatch) -> None:
    """Nearly full maps have runs that go on in the next row and the next plane."""
    monkeypatch.setattr(class_boxes, "VOXELS_AT_ONCE", voxels_at_once)
    rng = np.random.default_rng(int(share * 1000))
    for _ in range(20):
        shape = tuple(rng.integers(1, 9, 3))
        maps = [np.where(rng.random(shape) < share, rng.integers(1, 4), rng.integers(0, 256, shape)) for _ in range(2)]
        prediction, reference = (m.astype(np.uint8) for m in maps)
        boxes = ClassBoxes(prediction, reference)
        for label in range(1, 256):
            assert boxes[label] == _scipys(prediction, reference, label)


def test_a_label_in_neither_map_has_no_box() -> None:
    empty = np.zeros((2, 3, 4), np.uint8)
    assert ClassBoxes(empty, empty)[1] is None


def test_one_run_from_the_middle_of_a_plane_to_the_same_row_of_the_next() -> None:
    """From (0, 1, 2) to (1, 1, 1): it holds the end of the first plane and the start of the second."""
    labels = np.zeros((2, 3, 4), np.uint8)
    labels.ravel()[6:18] = 5
    assert ClassBoxes(labels, np.zeros_like(labels))[5] == (slice(0, 2), slice(0, 3), slice(0, 4))
