"""A stream of batches in which batch number i is a function of the seed and i alone.

nnU-Net's own loader and transforms draw from global generators, in processes that race each other: no two runs see the same
batches. Here every *sample* is made after seeding from (seed, kind, batch, sample). So any number of worker processes gives the
same stream, a resumed run continues at batch i, every arm sees identical batches, and several training processes share one
global batch, each making its own samples of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Literal, Mapping, Optional, Sequence, Tuple

import torch
from torch.utils.data import Dataset

from kdseg_training.distillation.training.companions import split_companions
from kdseg_training.distillation.training.randomness import derive_seed, own_randomness, seed_everything

Kind = Literal["train", "validation"]
BatchKey = Tuple[Kind, int]
Batch = Dict[str, Any]
"""``data`` (N, C, *spatial); ``target``: one tensor for each head, or a single one; ``keys``: cases; perhaps ``carried``."""


@dataclass(frozen=True)
class SampleShare:
    """Which samples of the global batch this process makes.

    Attributes
    ----------
    batch_size
        Samples in the global batch.
    rank, world
        This process and how many there are; process r makes one contiguous piece.
    """

    batch_size: int
    rank: int = 0
    world: int = 1

    def samples(self) -> range:
        """Numbers of this process's samples within the global batch."""
        return range(self.rank * self.batch_size // self.world, (self.rank + 1) * self.batch_size // self.world)


class SampleMaker:
    """Makes single samples with an nnU-Net loader of batch size 1.

    Parameters
    ----------
    loader
        ``nnUNetDataLoader`` (or one with its interface) with ``batch_size`` 1 and its transforms.
    share
        The global batch, to decide which of its samples must show foreground.
    oversample
        Share of the batch that must, nnU-Net's ``oversample_foreground_percent``; None: the loader's own (probabilistic) rule.
    companions
        Name → channels of what the loader appends to the data; see :mod:`kdseg_training.distillation.training.companions`.
    """

    def __init__(
        self,
        loader: Any,
        share: SampleShare,
        oversample: Optional[float],
        companions: Optional[Mapping[str, int]] = None,
    ) -> None:
        self._companions = dict(companions or {})
        self._loader = loader
        self._share = share
        self._oversample = oversample

    def batch(self, seed: int, key: BatchKey) -> Batch:
        """Return this process's samples of the global batch ``key``."""
        samples = []
        for sample in self._share.samples():
            seed_everything(derive_seed(seed, *key, sample))
            samples.append(self.sample(sample))
        return split_companions(join_samples(samples), self._companions)

    def sample(self, sample: int) -> Batch:
        """Return one sample of the global batch; the generators are seeded."""
        if self._oversample is not None:
            self._loader.get_do_oversample = Always(self._must_show_foreground(sample))
        batch: Batch = self._loader.generate_train_batch()
        return batch

    def _must_show_foreground(self, sample: int) -> bool:
        """Follow nnU-Net's rule for a batch of the global size."""
        oversample = 0.0 if self._oversample is None else self._oversample
        return sample >= round(self._share.batch_size * (1 - oversample))


@dataclass(frozen=True)
class Always:
    """Answers nnU-Net's question whether a sample must show foreground."""

    answer: bool

    def __call__(self, _sample: int) -> bool:
        """Answer, whatever the sample's number in nnU-Net's batch of one."""
        return self.answer


class SeededBatches(Dataset[Batch]):
    """The data set whose items are whole batches, named by kind and number.

    Attributes
    ----------
    on_device
        Whether batches are made on the GPU that trains: no worker process can make them, and there is nothing to copy.
    """

    def __init__(self, makers: Mapping[Kind, SampleMaker], seed: int, *, on_device: bool = False) -> None:
        self._makers = dict(makers)
        self._seed = seed
        self.on_device = on_device

    def __getitem__(self, key: BatchKey) -> Batch:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in a worker: sums over several threads round differently
        try:
            with own_randomness():
                return self._makers[key[0]].batch(self._seed, key)
        finally:
            torch.set_num_threads(threads)


def join_samples(samples: Sequence[Mapping[str, Any]]) -> Batch:
    """Join batches of one sample each."""
    joined: Batch = {}
    for name, first in samples[0].items():
        parts = [sample[name] for sample in samples]
        if isinstance(first, torch.Tensor):
            joined[name] = torch.cat(parts)
        elif isinstance(first, list) and first and isinstance(first[0], torch.Tensor):
            joined[name] = [torch.cat(heads) for heads in zip(*parts, strict=True)]
        else:
            joined[name] = [str(key) for part in parts for key in part]
    return joined


def schedule(first_step: int, epochs: int, iterations: int, validation_iterations: int) -> List[BatchKey]:
    """Return the batches of a training from ``first_step`` on: every epoch's training batches, then its validation batches.

    Training batches are numbered by step; validation batches go on counting from epoch to epoch.
    """
    return list(_schedule(first_step, epochs, iterations, validation_iterations))


def _schedule(first_step: int, epochs: int, iterations: int, validation_iterations: int) -> Iterator[BatchKey]:
    for epoch in range(first_step // iterations, epochs):
        for step in range(max(first_step, epoch * iterations), (epoch + 1) * iterations):
            yield "train", step
        for number in range(epoch * validation_iterations, (epoch + 1) * validation_iterations):
            yield "validation", number
