"""The part of the head that is in the image, and what nnU-Net's preprocessing makes of it."""

from __future__ import annotations

from typing import Sequence, Tuple

import torch
from torch import Tensor

from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.settings import FieldOfViewSettings

SMALLEST_DEVIATION = 1e-6
"""Images that vary less than this are left without scaling; nnU-Net has a limit of its own."""

Box = Tuple[slice, ...]


def draw_box(shape: Sequence[int], settings: FieldOfViewSettings, draws: Draws) -> Box:
    """Draw the part of a sample that the image shows."""
    cut = draws.chance(settings.share)
    box = []
    for size in shape:
        lost = [int(size * draws.uniform((0.0, settings.depth))) if draws.chance(settings.side) else 0 for _ in range(2)]
        box.append(slice(lost[0], size - lost[1]) if cut else slice(0, size))
    return tuple(box)


def nonzero_box(image: Tensor, box: Box) -> Box:
    """Return the part of ``box`` that holds all voxels of it that are not 0: nnU-Net crops images to that."""
    part = image[box] != 0
    result = []
    for axis, limits in enumerate(box):
        others = tuple(i for i in range(part.ndim) if i != axis)
        present = torch.nonzero(part.any(others[1]).any(others[0])).reshape(-1)
        if present.numel() == 0:
            return box
        result.append(slice(limits.start + int(present[0]), limits.start + int(present[-1]) + 1))
    return tuple(result)


def normalise(image: Tensor, box: Box) -> Tensor:
    """Return the image with mean 0 and deviation 1 inside the box, and 0 outside, as nnU-Net pads."""
    inside = image[box]
    deviation = inside.std().clamp_min(SMALLEST_DEVIATION)
    result = torch.zeros_like(image)
    result[box] = (inside - inside.mean()) / deviation
    return result
