"""Outputs of imagined networks, for tests of the distillation losses."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence

import torch

from kdseg_training.distillation.outputs import LabelScheme, Outputs

STAGES = ("encoder.stages.0", "encoder.stages.1", "encoder.stages.2", "decoder.stages.0", "decoder.stages.1")
SPATIAL = {2: (12, 8), 3: (8, 12, 8)}


def channels(first: int) -> dict[str, int]:
    """Channels of the five stages of a small U-Net whose finest stage has ``first``."""
    return dict(zip(STAGES, (first, 2 * first, 4 * first, 2 * first, first), strict=True))


def outputs(
    dimension: int,
    *,
    first: int = 2,
    heads: int = 3,
    samples: int = 2,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    scale: float = 1.0,
    requires_grad: bool = False,
) -> Outputs:
    """Random outputs: two heads, and features of every stage at its resolution."""
    generator = torch.Generator().manual_seed(seed)
    shape = SPATIAL[dimension]
    depth = {name: min(int(name[-1]), 2) if name.startswith("encoder") else 1 - int(name[-1]) for name in STAGES}

    def draw(count: int, level: int) -> torch.Tensor:
        values = torch.randn(samples, count, *(size >> level for size in shape), generator=generator, dtype=torch.float64)
        return (scale * values).to(dtype).requires_grad_(requires_grad)

    logits = [draw(heads, level) for level in (0, 1)]
    return Outputs(logits, {name: draw(count, depth[name]) for name, count in channels(first).items()})


def target(dimension: int, scheme: LabelScheme, *, samples: int = 2, seed: int = 0) -> List[torch.Tensor]:
    """A random target for both heads; a tenth of the voxels is ignored if the scheme can."""
    generator = torch.Generator().manual_seed(seed)
    finest = SPATIAL[dimension]
    result = []
    for level in (0, 1):
        shape = [size >> level for size in finest]
        ignored = torch.rand(samples, 1, *shape, generator=generator) < 0.1
        if scheme.regions:
            drawn = (torch.rand(samples, scheme.heads, *shape, generator=generator) < 0.4).float()
            result.append(drawn if scheme.ignore_label is None else torch.cat([drawn, ignored.float()], dim=1))
        else:
            drawn = torch.randint(0, scheme.heads, (samples, 1, *shape), generator=generator).float()
            result.append(drawn if scheme.ignore_label is None else drawn.masked_fill(ignored, scheme.ignore_label))
    return result


def tensors_of(given: Outputs) -> List[torch.Tensor]:
    """All tensors of the outputs that may have a gradient."""
    return [*given.logits, *given.features.values()]


def twice(given: Outputs) -> Outputs:
    """The same batch, doubled."""
    return Outputs(
        [torch.cat([t, t]) for t in given.logits],
        {name: torch.cat([t, t]) for name, t in given.features.items()},
        None if given.mask is None else torch.cat([given.mask, given.mask]),
    )


def sample(given: Outputs, index: int) -> Outputs:
    """A batch of one sample out of the batch."""
    part = slice(index, index + 1)
    return Outputs([t[part] for t in given.logits], {name: t[part] for name, t in given.features.items()})


def of_logits(*heads: Sequence[object] | torch.Tensor, mask: Optional[torch.Tensor] = None) -> Outputs:
    """Outputs with logits only."""
    return replace(Outputs([torch.as_tensor(head) for head in heads]), mask=mask)


def of_features(features: torch.Tensor, name: str = "encoder.stages.0") -> Outputs:
    """Outputs with the features of one stage; the logits are zeros."""
    return Outputs([features.new_zeros(features.shape[0], 2, *features.shape[2:])], {name: features})
