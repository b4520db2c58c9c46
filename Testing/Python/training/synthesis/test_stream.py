"""Batches drawn from label maps, as a run sees them."""

from __future__ import annotations

import pytest
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform

from kdseg_testing.training_runs import assert_same
from kdseg_training.distillation.training.batches import SampleMaker, SampleShare, SeededBatches, join_samples
from kdseg_training.distillation.training.workers import serve
from kdseg_training.distillation.unlabelled.mixing import MixedSampleMaker
from kdseg_training.synthesis.prepared import Prepared
from kdseg_training.synthesis.settings import Appearance
from kdseg_training.synthesis.stream import RepeatedSampleMaker, SyntheticStream, head_targets

PATCH, SCALES = (16, 24, 16), [[1.0] * 3, [0.5] * 3, [0.25] * 3]
KEYS = [("train", 3), ("train", 0), ("validation", 1), ("validation", 5)]


@pytest.fixture
def stream(anatomy, head) -> SyntheticStream:
    other = type(head)("held_out", head.voxels, head.spacing_mm, head.centre)
    return SyntheticStream(Prepared(anatomy, Appearance(), 4.0, (head,), (other,), "digest"), torch.device("cpu"))


def batches(stream: SyntheticStream, seed: int = 1, *, rank: int = 0, world: int = 1) -> SeededBatches:
    training, validation = stream.loaders(PATCH, SCALES)
    share = SampleShare(2, rank, world)
    return SeededBatches(
        {"train": SampleMaker(training, share, 0.33), "validation": RepeatedSampleMaker(validation, share, 4)}, seed
    )


def test_batches_have_the_form_of_nnunets(stream) -> None:
    batch = batches(stream)["train", 0]
    assert batch["data"].shape == (2, 1, *PATCH)
    assert [tuple(head.shape[2:]) for head in batch["target"]] == [(16, 24, 16), (8, 12, 8), (4, 6, 4)]
    assert batch["keys"] == ["head", "head"]
    assert batches(stream)["validation", 0]["keys"] == ["held_out"] * 2


def test_workers_and_processes_change_nothing(stream) -> None:
    here = list(serve(batches(stream), KEYS, workers=0))
    assert_same(list(serve(batches(stream), KEYS, workers=2)), here)
    parts = [batches(stream, rank=rank, world=2)["train", 3] for rank in range(2)]
    assert_same(join_samples(parts), here[0])


def test_validation_repeats_and_training_never_does(stream) -> None:
    one, two = batches(stream, seed=1), batches(stream, seed=2)
    assert_same(one["validation", 5], two["validation", 1])
    assert not torch.equal(one["validation", 0]["data"], one["validation", 1]["data"])
    assert not torch.equal(one["train", 1]["data"], one["train", 5]["data"])
    assert not torch.equal(one["train", 1]["data"], two["train", 1]["data"])


def test_the_targets_of_all_heads_are_nnunets() -> None:
    target = torch.randint(0, 6, (1, 1, 16, 24, 12), dtype=torch.int16, generator=torch.Generator().manual_seed(0))
    scales = [[1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.25, 0.125, 0.5]]
    expected = DownsampleSegForDSTransform(scales)(image=torch.zeros(1, 16, 24, 12), segmentation=target[0])["segmentation"]
    for ours, theirs in zip(head_targets(target, scales), expected, strict=True):
        assert torch.equal(ours[0], theirs)
        assert ours.dtype == theirs.dtype


def test_batches_on_a_gpu_are_made_in_the_process_that_trains(stream) -> None:
    made = batches(stream)
    made.on_device = True
    assert_same(list(serve(made, KEYS[:1], workers=3, pin_memory=True)), [batches(stream)[KEYS[0]]])
    assert not stream.on_device


def test_unlabelled_cases_can_share_the_batches(stream) -> None:
    training, other = (stream.loaders(PATCH, SCALES)[i] for i in range(2))
    maker = MixedSampleMaker(training, other, SampleShare(2), oversample=0.33, companions={}, unlabelled_share=0.5)
    batch = SeededBatches({"train": maker}, 1)["train", 0]
    assert batch["keys"] == ["head", "held_out"]
    assert batch["labelled"].tolist() == [True, False]
    assert not batch["target"][0][1].any()
    assert batch["target"][0][0].any()
