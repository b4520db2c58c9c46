"""From a label map and a seed to an image with its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

import torch
from torch import Tensor

from kdseg_training.synthesis.anatomy import Anatomy
from kdseg_training.synthesis.contrast import Contrast, draw_contrast
from kdseg_training.synthesis.degradation import degrade
from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.field_of_view import draw_box, nonzero_box, normalise
from kdseg_training.synthesis.label_map import LabelMap
from kdseg_training.synthesis.placement import Placement, Shape, draw_placement, warp
from kdseg_training.synthesis.settings import Appearance
from kdseg_training.synthesis.smoothing import smooth_field
from kdseg_training.synthesis.stripping import draw_mask

PATCH_MM = 9.0
"""About the size of the patches of two tissues that are mixed."""

SECOND_THRESHOLD = 0.12
"""Where the smooth field, of deviation about 0.5, is larger, the second tissue is: about two fifths of all."""

FEWEST_CONTROL_POINTS = 3
"""Along an axis, for the patches of mixed tissues."""


@dataclass(frozen=True)
class Sample:
    """One synthetic image, normalised as nnU-Net's preprocessing would.

    Attributes
    ----------
    image
        (1, z, y, x), float32.
    target
        Classes (1, z, y, x), int16.
    """

    image: Tensor
    target: Tensor


class Generator:
    """Draws samples of one grid.

    Parameters
    ----------
    anatomy
        Of all label maps.
    appearance
        What varies.
    shape, spacing_mm
        Of the samples, along z, y, x.
    device
        Where samples are made.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        appearance: Appearance,
        *,
        shape: Shape,
        spacing_mm: Sequence[float],
        device: Optional[torch.device] = None,
    ) -> None:
        self.anatomy, self.appearance = anatomy, appearance
        self.shape, self.spacing_mm = shape, tuple(spacing_mm)
        self.device = device or torch.device("cpu")
        self._mirror, self._target, self._tissue = (self._table(t) for t in (anatomy.mirror, anatomy.target, anatomy.tissue))
        self._mixed = self._table([int(a != b) for a, b in zip(anatomy.tissue, anatomy.mixed, strict=True)])
        self._outside = torch.tensor(anatomy.outside, device=self.device)

    def load(self, label_map: LabelMap) -> Tensor:
        """Return the voxels of a label map on the device."""
        return torch.from_numpy(label_map.voxels).to(self.device)

    def draw(self, label_map: LabelMap, seed: int, *, voxels: Optional[Tensor] = None) -> Sample:
        """Draw a sample: a function of settings, label map and seed alone (and of the kind of device).

        Parameters
        ----------
        label_map
            Of the anatomy.
        seed
            Decides everything that is random.
        voxels
            The result of :meth:`load`, where it is kept.
        """
        with torch.no_grad():
            draws = Draws(seed, self.device)
            placement = draw_placement(
                self.appearance.spatial,
                draws,
                shape=self.shape,
                spacing_mm=self.spacing_mm,
                map_spacing_mm=label_map.spacing_mm,
                map_centre=label_map.centre,
            )
            labels = self.place(self.load(label_map) if voxels is None else voxels, placement)
            return self._render(labels, draws)

    def place(self, voxels: Tensor, placement: Placement) -> Tensor:
        """Return the labels of the sample (positions in the anatomy), int64."""
        labels = warp(voxels, placement, self.shape)
        return self._mirror[labels] if placement.mirrored else labels

    def _render(self, labels: Tensor, draws: Draws) -> Sample:
        stripped = draws.chance(self.appearance.stripping.share)
        contrast = draw_contrast(self.anatomy.tissues, self.appearance.contrast, draws, stripped=stripped)
        clean = self.paint(labels, contrast, draws)
        image = degrade(clean, self.spacing_mm, self.appearance.degradation, draws)
        target = self._target[labels]
        visible = self._visible(labels, contrast, draws, stripped=stripped)
        if visible is not None:
            image, target = image * visible, target * visible
        box = draw_box(self.shape, self.appearance.field_of_view, draws)
        seen = torch.zeros_like(target)
        seen[box] = target[box]
        normalised = normalise(image, nonzero_box(image, box))
        return Sample(normalised[None], seen[None].to(torch.int16))

    def paint(self, labels: Tensor, contrast: Contrast, draws: Draws) -> Tensor:
        """Draw the Gaussian of its tissue for every voxel."""
        tissue = self._tissues_of(labels, draws)
        means = torch.tensor(contrast.means, device=self.device)
        deviations = torch.tensor(contrast.deviations, device=self.device)
        return torch.addcmul(means[tissue], draws.noise(self.shape), deviations[tissue])

    def _tissues_of(self, labels: Tensor, draws: Draws) -> Tensor:
        """Return each voxel's tissue; where two are mixed, patches of the second."""
        number = len(self.anatomy.labels)
        size = [n * mm for n, mm in zip(self.shape, self.spacing_mm, strict=True)]
        points = [max(FEWEST_CONTROL_POINTS, round(mm / PATCH_MM)) for mm in size]
        second = smooth_field(draws.field(1, *points), self.shape)[0] > SECOND_THRESHOLD + draws.normal(0.15)
        table = torch.cat([self._tissue, self._table(self.anatomy.mixed)])
        return table[labels + number * (second & self._mixed.bool()[labels])]

    def _visible(self, labels: Tensor, contrast: Contrast, draws: Draws, *, stripped: bool) -> Optional[Tensor]:
        """Return where the image is not 0: the stripped brain, or the head before a background of exactly 0."""
        if stripped:
            brain = ~self._outside[labels]
            return draw_mask(brain, self.spacing_mm, self.appearance.stripping, draws)
        return labels != 0 if contrast.background_is_zero else None

    def _table(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64, device=self.device)
