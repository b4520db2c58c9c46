"""Random numbers of one sample: all follow from its seed."""

from __future__ import annotations

import math
from typing import Sequence, Tuple

import torch
from torch import Tensor

Range = Tuple[float, float]
"""Smallest and largest value."""


class Draws:
    """A source of random numbers.

    Parameters are always drawn on the CPU, so that they are the same on every device; noise of single voxels is drawn on the
    device itself.

    Parameters
    ----------
    seed
        Decides every number.
    device
        Where tensors of :meth:`noise` and :meth:`field` are.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self._parameters = torch.Generator().manual_seed(seed)
        self._voxels = self._parameters if device.type == "cpu" else torch.Generator(device).manual_seed(seed)

    def uniform(self, bounds: Range) -> float:
        """Return a number between two bounds."""
        low, high = bounds
        return low + (high - low) * float(torch.rand((), generator=self._parameters))

    def log_uniform(self, bounds: Range) -> float:
        """Return a number whose logarithm is uniform; both bounds are positive."""
        return math.exp(self.uniform((math.log(bounds[0]), math.log(bounds[1]))))

    def symmetric(self, bound: float) -> float:
        """Return a number between -bound and bound, small ones more often: the product of two uniform numbers."""
        return self.uniform((-bound, bound)) * self.uniform((0.0, 1.0))

    def normal(self, deviation: float) -> float:
        """Return a number from a Gaussian around 0."""
        return deviation * float(torch.randn((), generator=self._parameters))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return float(torch.rand((), generator=self._parameters)) < probability

    def integer(self, count: int) -> int:
        """Return a number from 0 to ``count`` - 1."""
        return int(torch.randint(count, (), generator=self._parameters))

    def choice(self, weights: Sequence[float]) -> int:
        """Return an index, each with a probability in proportion to its weight."""
        at = self.uniform((0.0, float(sum(weights))))
        for index, weight in enumerate(weights):
            at -= weight
            if at < 0:
                return index
        return max(index for index, weight in enumerate(weights) if weight > 0)

    def field(self, *shape: int) -> Tensor:
        """Return a small tensor of standard normal numbers, drawn on the CPU, moved to the device."""
        return torch.randn(shape, generator=self._parameters).to(self.device)

    def noise(self, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers for all voxels, drawn on the device."""
        return torch.randn(tuple(shape), generator=self._voxels, device=self.device)
