"""Islands are removed, against parts written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kdseg.labelling.largest_part import keep_largest_part


def test_only_the_largest_part_of_all_structures_stays() -> None:
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[0, 0, :3] = 1
    labels[1, 1, 3] = 2  # touches the first by a corner, and is of another structure
    labels[4, 5, 4:7] = 1  # three voxels apart
    labels[3, 0, 6] = 7
    expected = labels.copy()
    expected[4, 5, 4:7] = expected[3, 0, 6] = 0
    assert keep_largest_part(labels) == 4
    np.testing.assert_array_equal(labels, expected)
    assert keep_largest_part(labels) == 0
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("value", [0, 3])
def test_nothing_and_one_part_stay_as_they_are(value: int) -> None:
    labels = np.full((2, 3, 4), value, np.uint16)
    assert keep_largest_part(labels) == 0
    assert (labels == value).all()


def test_a_view_is_changed_in_place() -> None:
    whole = np.zeros((4, 4, 8), np.uint8)
    view = whole[::2, :, ::-1]
    view[0, 0, :3], view[1, 3, 6] = 1, 2
    assert keep_largest_part(view) == 1
    assert whole.sum() == 3
