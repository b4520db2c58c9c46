"""How the labels' grid samples the network's grid along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, List, Sequence

import numpy as np
import numpy.typing as npt

from kdseg.plans.model import Resampling
from kdseg.preprocessing.resampling import nearest_indices, resize_matrix, separate_axis

IndexArray = npt.NDArray[np.intp]


class AxisKind(Enum):
    """One source voxel for each target voxel, or two that are interpolated."""

    SINGLE = 1
    LINEAR = 2


@dataclass(frozen=True)
class AxisMap:
    """Sampling along one axis.

    Attributes
    ----------
    kind
        ``LINEAR`` interpolates between ``source`` and ``source + 1``; ``SINGLE`` takes ``source``.
    size
        Voxels of the network's grid.
    source
        First source voxel of each target voxel, ascending.
    weight
        Weight of ``source + 1``, 0 to 1; all 0 for ``SINGLE``.
    """

    kind: AxisKind
    size: int
    source: IndexArray
    weight: npt.NDArray[np.float64]

    @property
    def reach(self) -> int:
        """How many voxels further than ``source`` is read: 0 or 1."""
        return 1 if self.kind is AxisKind.LINEAR else 0

    def targets(self, first: int, last: int) -> slice:
        """Return the target voxels whose sources all lie in [first, last]."""
        return slice(
            int(np.searchsorted(self.source, first, side="left")),
            int(np.searchsorted(self.source, last - self.reach, side="right")),
        )


def axis_maps(
    network_shape: Sequence[int],
    target_shape: Sequence[int],
    network_spacing_mm: Sequence[float],
    target_spacing_mm: Sequence[float],
    resampling: Resampling,
) -> List[AxisMap]:
    """Return the sampling of nnU-Net's linear resampling of logits, one map for each axis.

    Interpolation weights are read from the matrix that SciPy's own zoom makes of the unit vectors.
    """
    if tuple(network_shape) == tuple(target_shape):
        return [_single(n, np.arange(n)) for n in network_shape]
    separate = separate_axis(resampling, network_spacing_mm, target_spacing_mm)
    maps: List[AxisMap] = []
    for axis, (size, target) in enumerate(zip(network_shape, target_shape)):
        if size == target:
            maps.append(_single(size, np.arange(size)))
        elif axis == separate or size == 1:
            maps.append(_single(size, nearest_indices(size, target)))
        else:
            maps.append(_linear(size, target))
    return maps


def _single(size: int, source: npt.NDArray[Any]) -> AxisMap:
    return AxisMap(AxisKind.SINGLE, size, source.astype(np.intp), np.zeros(len(source)))


def _linear(size: int, target: int) -> AxisMap:
    matrix = resize_matrix(size, target, 1)
    first = (matrix != 0).argmax(axis=1)
    source = np.minimum(first, size - 2)
    return AxisMap(AxisKind.LINEAR, size, source.astype(np.intp), matrix[np.arange(target), source + 1])
