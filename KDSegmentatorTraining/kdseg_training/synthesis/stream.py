"""Batches drawn while a network trains: synthetic samples where nnU-Net's loader would read patches."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import functional

from kdseg_training.distillation.training.batches import Batch, BatchKey, SampleMaker, SampleShare
from kdseg_training.synthesis.generator import Generator
from kdseg_training.synthesis.label_map import LabelMap
from kdseg_training.synthesis.placement import Shape
from kdseg_training.synthesis.prepared import Prepared

Scales = Optional[Sequence[Sequence[float]]]
"""Resolution of each head relative to the patch, the finest first; None: one head."""

VALIDATION_SEED = 0
"""Validation batches are the same whatever the seed of the run."""

LARGEST_SEED = 2**62
"""Seeds of samples are below this."""


class SyntheticLoader:
    """Has the interface of nnU-Net's loader with a batch size of 1.

    Every sample follows from the state of torch's global generator, which :class:`SampleMaker` seeds for each.

    Parameters
    ----------
    generator
        Draws samples of the size of a patch.
    label_maps
        One is chosen at random for each sample.
    scales
        Of the heads.
    """

    def __init__(self, generator: Generator, label_maps: Sequence[LabelMap], scales: Scales) -> None:
        self._generator, self._maps, self._scales = generator, tuple(label_maps), scales
        self._voxels: Dict[int, Tensor] = {}
        self.get_do_oversample: Any = None  # foreground is in every sample; set by SampleMaker all the same

    def generate_train_batch(self) -> Batch:
        """Return ``data`` (1, 1, z, y, x), ``target`` for each head, and the name of the label map."""
        chosen = int(torch.randint(len(self._maps), ()))
        seed = int(torch.randint(LARGEST_SEED, ()))
        sample = self._generator.draw(self._maps[chosen], seed, voxels=self._on_device(chosen))
        target = sample.target[None]
        heads = target if self._scales is None else head_targets(target, self._scales)
        return {"data": sample.image[None], "target": heads, "keys": [self._maps[chosen].name]}

    def _on_device(self, number: int) -> Tensor:
        if number not in self._voxels:
            self._voxels[number] = self._generator.load(self._maps[number])
        return self._voxels[number]


class RepeatedSampleMaker(SampleMaker):
    """Makes the same batches in every epoch, for validation.

    Parameters
    ----------
    loader, share
        See :class:`SampleMaker`.
    batches
        How many different ones there are.
    """

    def __init__(self, loader: Any, share: SampleShare, batches: int) -> None:
        super().__init__(loader, share, None)
        self._batches = batches

    def batch(self, seed: int, key: BatchKey) -> Batch:
        """Return this process's samples of batch ``key``, whose number counts anew after every ``batches``."""
        del seed
        return super().batch(VALIDATION_SEED, (key[0], key[1] % self._batches))


class SyntheticStream:
    """Loaders of training and validation samples.

    Parameters
    ----------
    prepared
        Label maps and settings.
    device
        Where samples are drawn.
    """

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self.prepared, self.device = prepared, device

    @property
    def on_device(self) -> bool:
        """Whether batches come ready on a GPU; worker processes cannot make them then."""
        return self.device.type != "cpu"

    def loaders(self, patch_size: Sequence[int], scales: Scales) -> Tuple[SyntheticLoader, SyntheticLoader]:
        """Return the loaders for training and validation."""
        prepared = self.prepared
        z, y, x = (int(n) for n in patch_size)
        shape: Shape = (z, y, x)
        generator = Generator(
            prepared.anatomy, prepared.appearance, shape=shape, spacing_mm=(prepared.spacing_mm,) * 3, device=self.device
        )
        return SyntheticLoader(generator, prepared.training, scales), SyntheticLoader(generator, prepared.validation, scales)


def head_targets(target: Tensor, scales: Sequence[Sequence[float]]) -> List[Tensor]:
    """Return the target of every head: nearest labels at its resolution, as nnU-Net makes them.

    Parameters
    ----------
    target
        (1, 1, z, y, x).
    scales
        Along z, y, x for each head.
    """
    heads = []
    fine = target.float()
    for scale in scales:
        size = [round(n * factor) for n, factor in zip(target.shape[2:], scale, strict=True)]
        same = size == list(target.shape[2:])
        heads.append(target if same else functional.interpolate(fine, size, mode="nearest-exact").to(target.dtype))
    return heads
