"""The images behind segments. Several segments can share one: then each has its own value in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Tuple

import numpy as np
import numpy.typing as npt

from KDSegmentatorLib.effect.grid import labelmap_name, onto, shape_of, voxels_of


@dataclass(frozen=True)
class Layer:
    """One image and the segments in it.

    Attributes
    ----------
    image
        A ``vtkOrientedImageData``.
    values
        The value of each segment, by segment ID.
    """

    image: Any
    values: Dict[str, int]

    def table(self, segment_ids: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Return an array that tells for each value whether it belongs to one of the segments."""
        scalars = self.image.GetPointData().GetScalars()
        highest = 0 if scalars is None else max(0, int(scalars.GetRange()[1]))
        wanted = np.zeros(max([highest, *self.values.values()]) + 1, dtype=bool)
        wanted[[self.values[name] for name in segment_ids if name in self.values]] = True
        return wanted


def layers_of(segmentation_node: Any) -> Tuple[Layer, ...]:
    """Return every image of the segmentation, in Slicer's order."""
    segmentation, name = segmentation_node.GetSegmentation(), labelmap_name()
    layers = []
    for index in range(segmentation.GetNumberOfLayers(name)):
        members = segmentation.GetSegmentIDsForLayer(index, name)
        values = {member: int(segmentation.GetSegment(member).GetLabelValue()) for member in members}
        layers.append(Layer(segmentation.GetLayerDataObject(index, name), values))
    return tuple(layers)


def occupied(layers: Iterable[Layer], segment_ids: Iterable[str], grid: Any) -> npt.NDArray[np.bool_]:
    """Return the voxels of ``grid`` that belong to one of the segments, shape (k, j, i)."""
    found = np.zeros(shape_of(grid.GetExtent()), dtype=bool)
    names = list(segment_ids)
    for layer in layers:
        wanted = layer.table(names)
        if wanted.any() and voxels_of(layer.image).size:
            found |= wanted[onto(grid, layer.image)]
    return found
