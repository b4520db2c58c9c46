"""Instance normalisation that leaves channels where they are.

torch computes it by copying the activations into the order of channels first, and its convolutions copy them back: with
``channels_last`` a good part of a training step on a CPU goes into these copies. For one sample it is the same as batch
normalisation with the batch's own statistics, which torch computes in place of either order.
"""

from __future__ import annotations

from typing import Any, Dict, Type

import torch
from torch import nn
from torch.nn import functional


class _OneByOne:
    """Normalises the samples of a batch one after the other; torch's parameters, names and values stay."""

    def forward(self: Any, data: torch.Tensor) -> torch.Tensor:
        samples = [
            functional.batch_norm(sample, None, None, self.weight, self.bias, True, 0.0, self.eps)
            for sample in torch.split(data, 1)
        ]
        return samples[0] if len(samples) == 1 else torch.cat(samples)


class OneByOneInstanceNorm2d(_OneByOne, nn.InstanceNorm2d):
    """See the module."""


class OneByOneInstanceNorm3d(_OneByOne, nn.InstanceNorm3d):
    """See the module."""


def normalize_one_by_one(network: nn.Module) -> int:
    """Let the instance normalisations of a network work in the order ``channels_last``; return how many were changed.

    The values are the same but for the order of sums. Normalisations with running statistics are left as they are.
    """
    kinds: Dict[Type[nn.Module], Type[nn.Module]] = {
        nn.InstanceNorm2d: OneByOneInstanceNorm2d,
        nn.InstanceNorm3d: OneByOneInstanceNorm3d,
    }
    found = [m for m in network.modules() if type(m) in kinds and not m.track_running_stats]
    for module in found:
        module.__class__ = kinds[type(module)]
    return len(found)
