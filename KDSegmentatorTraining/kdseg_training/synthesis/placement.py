"""Where a label map comes to lie in a sample: affine map, smooth displacement and mirroring, done as one look-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.settings import SpatialSettings
from kdseg_training.synthesis.smoothing import smooth_field

Shape = Tuple[int, int, int]
Matrix = List[List[float]]

FEWEST_POINTS = 4
"""Control points along an axis, at least."""


@dataclass(frozen=True)
class Placement:
    """From voxels of the sample to voxels of the label map, both (z, y, x).

    Attributes
    ----------
    matrix, offset
        Label-map voxel = matrix · sample voxel + offset.
    displacement
        Added to that: control points (3, z, y, x), in voxels of the label map; None: none.
    mirrored
        Left and right labels change places; the mirroring itself is in the matrix.
    """

    matrix: Matrix
    offset: Tuple[float, float, float]
    displacement: Optional[Tensor]
    mirrored: bool


def draw_placement(
    settings: SpatialSettings,
    draws: Draws,
    *,
    shape: Shape,
    spacing_mm: Sequence[float],
    map_spacing_mm: Sequence[float],
    map_centre: Sequence[float],
) -> Placement:
    """Draw a placement in which the centre of the structures lies near the middle of the sample.

    Parameters
    ----------
    settings
        Ranges.
    draws
        Random numbers of this sample.
    shape, spacing_mm
        Of the sample.
    map_spacing_mm, map_centre
        Of the label map.
    """
    turn = _rotation([math.radians(draws.symmetric(settings.rotation_deg)) for _ in range(3)])
    mirrored = draws.chance(settings.flip)
    scales = [1 / (1 + draws.symmetric(settings.scaling)) for _ in range(3)]
    if mirrored:
        scales[2] = -scales[2]
    stretch = [[scales[i] if i == j else draws.symmetric(settings.shearing) for j in range(3)] for i in range(3)]
    world = _product(stretch, turn)
    shift = [
        draws.symmetric(bound) if draws.chance(0.5) else draws.uniform((-bound, bound)) for bound in settings.translation_mm
    ]
    displacement = _displacement(settings, draws, shape, spacing_mm, map_spacing_mm)
    return place(
        world,
        shift,
        displacement,
        mirrored=mirrored,
        shape=shape,
        spacing_mm=spacing_mm,
        map_spacing_mm=map_spacing_mm,
        map_centre=map_centre,
    )


def place(
    world: Matrix,
    shift_mm: Sequence[float],
    displacement: Optional[Tensor],
    *,
    mirrored: bool,
    shape: Shape,
    spacing_mm: Sequence[float],
    map_spacing_mm: Sequence[float],
    map_centre: Sequence[float],
) -> Placement:
    """Return the placement that turns a point p (mm from the middle of the sample) into world · (p - shift) from the centre."""
    matrix = [[world[i][j] * spacing_mm[j] / map_spacing_mm[i] for j in range(3)] for i in range(3)]
    middle = [(n - 1) / 2 + shift_mm[j] / spacing_mm[j] for j, n in enumerate(shape)]
    offset = [map_centre[i] - sum(matrix[i][j] * middle[j] for j in range(3)) for i in range(3)]
    return Placement(matrix, (offset[0], offset[1], offset[2]), displacement, mirrored)


IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
"""The map as it is."""


def warp(voxels: Tensor, placement: Placement, shape: Shape) -> Tensor:
    """Look up the nearest label for every voxel of the sample.

    Parameters
    ----------
    voxels
        Compact label map (z, y, x), uint8, its outermost voxels background: they stand for everything outside.
    placement
        See there.
    shape
        Of the sample.

    Returns
    -------
    torch.Tensor
        Positions of labels, int64, of ``shape``; left and right are not exchanged yet.
    """
    fine = None if placement.displacement is None else smooth_field(placement.displacement, shape)
    lines = [torch.arange(n, dtype=torch.float32, device=voxels.device) for n in shape]
    flat = torch.zeros(shape, dtype=torch.int32, device=voxels.device)
    for axis, size in enumerate(voxels.shape):
        row = placement.matrix[axis]
        z, y, x = (line * row[i] for i, line in enumerate(lines))
        at = (z + placement.offset[axis])[:, None, None] + y[None, :, None]
        at = at + x[None, None, :] if fine is None else (fine[axis] + at).add_(x[None, None, :])
        flat.mul_(size).add_(at.round_().clamp_(0, size - 1).to(torch.int32))
    return voxels.reshape(-1)[flat.reshape(-1)].reshape(shape).long()


def _displacement(
    settings: SpatialSettings, draws: Draws, shape: Shape, spacing_mm: Sequence[float], map_spacing_mm: Sequence[float]
) -> Optional[Tensor]:
    deviation, distance = draws.uniform(settings.displacement_mm), draws.uniform(settings.control_spacing_mm)
    points = [max(FEWEST_POINTS, round(n * mm / distance) + 1) for n, mm in zip(shape, spacing_mm, strict=True)]
    field = draws.field(3, *points)
    if deviation == 0:
        return None
    scale = torch.tensor([deviation / mm for mm in map_spacing_mm], device=field.device)
    return field * scale[:, None, None, None]


def _rotation(angles: Sequence[float]) -> Matrix:
    """Return the rotation about z, then y, then x; all matrices act on (z, y, x)."""
    result = IDENTITY
    for axis, angle in enumerate(angles):
        one, other = [i for i in range(3) if i != axis]
        turn = [row[:] for row in IDENTITY]
        turn[one][one] = turn[other][other] = math.cos(angle)
        turn[one][other], turn[other][one] = -math.sin(angle), math.sin(angle)
        result = _product(turn, result)
    return result


def _product(a: Matrix, b: Matrix) -> Matrix:
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
