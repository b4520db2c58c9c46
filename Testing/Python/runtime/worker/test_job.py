"""Choosing structures, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kdseg.geometry import Geometry
from kdseg.segmentation import Code, LabelEntry, Segmentation
from kdseg.worker.job import keep_structures

TISSUE = Code("SCT", "85756007", "Tissue")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_labels_become_background(dtype) -> None:
    highest = int(np.iinfo(dtype).max)
    labels = np.array([[[0, 1, 2, 3, highest]]], dtype=dtype)
    entries = tuple(LabelEntry(v, f"s{v}", (1, 2, 3), TISSUE, TISSUE) for v in (1, 2, 3, highest))
    whole = Segmentation(labels, Geometry((1, 1, 5), (10.0, 10.0, 10.0)), entries, {"key": 1})
    part = keep_structures(whole, (2, highest))
    assert part.labels.tolist() == [[[0, 0, 2, 0, highest]]]
    assert part.labels.dtype == dtype
    assert [e.value for e in part.entries] == [2, highest]
    assert part.volumes_ml() == {"s2": 1.0, f"s{highest}": 1.0}
    assert whole.labels.tolist() == [[[0, 1, 2, 3, highest]]]
    assert keep_structures(whole, None) is whole
