"""Batches of labelled and unlabelled samples, still a function of seed and number alone."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import torch

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.training.batches import Always, Batch, SampleMaker, SampleShare

LABELLED = "labelled"
"""Key of a batch: which samples have labels, bool (N,)."""


class MixedSampleMaker(SampleMaker):
    """Makes some samples of every global batch from unlabelled cases.

    Their places are spread evenly over the batch and are the same in every batch, so each process of several has its part.
    Among the labelled samples nnU-Net's share of samples that must show foreground is kept. The target of an unlabelled sample
    is 0.

    Parameters
    ----------
    labelled, share, oversample, companions
        See :class:`SampleMaker`.
    unlabelled
        The loader of the unlabelled cases, of batch size 1, with the same transforms and companions.
    unlabelled_share
        Of the global batch, rounded to whole samples.

    Raises
    ------
    ConfigurationError
        If a process would have no labelled or no unlabelled sample, or one process more of them than another.
    """

    def __init__(
        self,
        labelled: Any,
        unlabelled: Any,
        share: SampleShare,
        *,
        oversample: Optional[float],
        companions: Mapping[str, int],
        unlabelled_share: float,
    ) -> None:
        super().__init__(labelled, share, oversample, companions)
        self._unlabelled = unlabelled
        self._unlabelled.get_do_oversample = Always(False)
        self._unlabelled.has_ignore = False  # there is no annotated part to look for
        self._number = round(share.batch_size * unlabelled_share)
        self._check(share, unlabelled_share)

    def is_unlabelled(self, sample: int) -> bool:
        """Tell whether a sample of the global batch is unlabelled."""
        return self._before(sample + 1) > self._before(sample)

    def sample(self, sample: int) -> Batch:
        """Return one sample of the global batch; the generators are seeded."""
        if not self.is_unlabelled(sample):
            return {**super().sample(sample), LABELLED: torch.tensor([True])}
        batch: Batch = self._unlabelled.generate_train_batch()
        target = batch["target"]
        for head in target if isinstance(target, list) else [target]:
            head.zero_()
        return {**batch, LABELLED: torch.tensor([False])}

    def _must_show_foreground(self, sample: int) -> bool:
        oversample = 0.0 if self._oversample is None else self._oversample
        labelled = self._share.batch_size - self._number
        return sample - self._before(sample) >= round(labelled * (1 - oversample))

    def _before(self, sample: int) -> int:
        """Return how many unlabelled samples stand before this one."""
        return sample * self._number // self._share.batch_size

    def _check(self, share: SampleShare, wanted: float) -> None:
        shares = [SampleShare(share.batch_size, rank, share.world).samples() for rank in range(share.world)]
        counts = {(len(samples), sum(self.is_unlabelled(sample) for sample in samples)) for samples in shares}
        if len(counts) != 1 or not all(0 < unlabelled < size for size, unlabelled in counts):
            found = f"{self._number} unlabelled of {share.batch_size} samples, {share.world} process(es)"
            raise ConfigurationError(
                "The batch cannot be divided into labelled and unlabelled samples.",
                expected="in every process equally many, at least one of each",
                found=f"{found}, unlabelled.share {wanted:g}",
                remedy="Choose another budget.batch_size or unlabelled.share.",
            )
