"""Islands apart from the organ: only the largest connected part of all structures together is kept.

A student's bundle asks for it. nnU-Net calls it postprocessing: ``remove_all_but_largest_component`` of the whole foreground.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from kdseg.preprocessing.cropping import nonzero_box

BYTES_PER_VOXEL = 5
"""Memory while parts are numbered: a mask and 32 bits for each voxel of the box around all structures."""


def keep_largest_part(labels: npt.NDArray[Any]) -> int:
    """Set to background what is not connected with the largest part, in place.

    Parameters
    ----------
    labels
        Integers of shape (z, y, x), 0 is background. Voxels are connected over faces, edges and corners, also of different
        structures. Of parts of one size the first in the order of the array stays.

    Returns
    -------
    int
        How many voxels were set to background.
    """
    labels = labels[nonzero_box(labels[None])]
    parts = np.empty(labels.shape, dtype=np.int32)
    number = ndimage.label(labels > 0, structure=np.ones((3,) * labels.ndim), output=parts)
    if number < 2:
        return 0
    sizes = np.zeros(number + 1, dtype=np.int64)
    for plane in parts:
        found, counts = np.unique(plane, return_counts=True)
        sizes[found] += counts
    sizes[0] = 0
    largest = int(sizes.argmax())
    for plane, numbered in zip(labels, parts):
        plane[numbered != largest] = 0
    return int(sizes.sum() - sizes[largest])
