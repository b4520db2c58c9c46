"""Batch number i is a function of the seed and i alone."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from kdseg.errors import TrainingDataError
from kdseg_testing.training_runs import assert_same
from kdseg_training.distillation.training.batches import SampleMaker, SampleShare, SeededBatches, join_samples, schedule
from kdseg_training.distillation.training.patches import make_batches, make_deterministic
from kdseg_training.distillation.training.randomness import derive_seed, own_randomness, seed_everything
from kdseg_training.distillation.training.workers import serve

KEYS = [("train", 7), ("train", 0), ("validation", 0), ("train", 8), ("validation", 3)]


@pytest.fixture(scope="module")
def trainer(settings, tmp_path_factory):
    from kdseg_testing.training_runs import make_trainer

    return make_trainer(settings(tmp_path_factory.mktemp("batches"), students=[{"name": "plain", "factor": 2}]))


def stream(trainer, *, seed: int = 3, rank: int = 0, world: int = 1) -> SeededBatches:
    return make_batches(trainer, seed=seed, share=SampleShare(4, rank, world), mirror=True)


def test_any_number_of_workers_gives_the_same_batches_in_order(trainer) -> None:
    here = list(serve(stream(trainer), KEYS, workers=0))
    assert_same(list(serve(stream(trainer), KEYS, workers=1)), here)
    assert_same(list(serve(stream(trainer), KEYS, workers=3)), here)


def test_a_batch_does_not_depend_on_those_before_it(trainer) -> None:
    whole = dict(zip(KEYS, serve(stream(trainer), KEYS, workers=0), strict=True))
    (alone,) = serve(stream(trainer), [("train", 8)], workers=0)
    assert_same(alone, whole["train", 8])


def test_several_processes_share_one_global_batch(trainer) -> None:
    whole = stream(trainer)["train", 2]
    parts = [stream(trainer, rank=rank, world=3)["train", 2] for rank in range(3)]
    assert [len(part["keys"]) for part in parts] == [1, 1, 2]
    assert_same(join_samples(parts), whole)


def test_seed_kind_and_number_give_other_batches(trainer) -> None:
    first = stream(trainer)["train", 0]["data"]
    for other in (stream(trainer, seed=4)["train", 0], stream(trainer)["train", 1], stream(trainer)["validation", 0]):
        assert not torch.equal(first, other["data"])


def test_batches_have_nnunets_shapes_and_the_folds_cases(trainer) -> None:
    batch, validation = stream(trainer)["train", 0], stream(trainer)["validation", 0]
    assert batch["data"].shape == (4, 1, 8, 8, 8)
    assert [tuple(t.shape) for t in batch["target"]] == [(4, 1, 8, 8, 8), (4, 1, 4, 4, 4)]
    assert set(batch["keys"]) <= {"case_0", "case_1", "case_2"}
    assert set(validation["keys"]) == {"case_3"}


def test_making_a_batch_leaves_the_generators_and_threads_alone(trainer) -> None:
    seed_everything(11)
    expected = (random.random(), np.random.random(), torch.rand(1))
    seed_everything(11)
    torch.set_num_threads(2)
    stream(trainer)["train", 5]
    assert torch.get_num_threads() == 2
    assert (random.random(), np.random.random(), torch.rand(1)) == expected


class CountingLoader:
    """Stands for nnU-Net's loader: says whether a sample had to show foreground."""

    def generate_train_batch(self):
        return {"data": torch.tensor([float(self.get_do_oversample(0))]), "keys": np.array(["a"])}


@pytest.mark.parametrize(("size", "share"), [(2, 0.33), (3, 0.33), (5, 0.33), (12, 0.33), (4, 0.0), (4, 1.0)])
def test_foreground_is_oversampled_by_nnunets_rule(size: int, share: float) -> None:
    maker = SampleMaker(CountingLoader(), SampleShare(size), share)
    forced = maker.batch(0, ("train", 0))["data"].tolist()
    assert forced == [float(not i < round(size * (1 - share))) for i in range(size)]


def test_shares_are_the_whole_batch_without_overlap() -> None:
    for size in range(1, 9):
        for world in range(1, size + 1):
            samples = [i for rank in range(world) for i in SampleShare(size, rank, world).samples()]
            assert samples == list(range(size))


def test_the_schedule_continues_in_the_middle_of_an_epoch() -> None:
    whole = schedule(0, epochs=3, iterations=4, validation_iterations=2)
    assert Counter(kind for kind, _ in whole) == {"train": 12, "validation": 6}
    assert whole[:7] == [
        ("train", 0),
        ("train", 1),
        ("train", 2),
        ("train", 3),
        ("validation", 0),
        ("validation", 1),
        ("train", 4),
    ]
    assert schedule(6, 3, 4, 2) == whole[whole.index(("train", 6)) :]
    assert schedule(8, 3, 4, 2) == whole[whole.index(("train", 8)) :]
    assert schedule(12, 3, 4, 2) == []


def test_derived_seeds_are_stable_and_far_apart() -> None:
    assert derive_seed(1, "train", 2, 3) == derive_seed(1, "train", 2, 3)
    places = {derive_seed(seed, kind, i) for seed in range(5) for kind in ("train", "validation") for i in range(100)}
    assert len(places) == 1000
    assert all(0 <= place < 2**63 for place in places)
    assert derive_seed(1, 23) != derive_seed(12, 3)


def test_no_transform_chooses_by_stopwatch(trainer) -> None:
    transforms = trainer.get_training_transforms((8, 8, 8), (-0.1, 0.1), None, (0, 1, 2), False)

    def timed(node):
        children = [*getattr(node, "transforms", []), *filter(None, [getattr(node, "transform", None)])]
        return bool(getattr(node, "benchmark", False)) + sum(timed(child) for child in children)

    assert timed(transforms) > 0, "nnU-Net no longer times its blur; make_deterministic can go"
    make_deterministic(transforms)
    assert timed(transforms) == 0


def test_own_randomness_gives_back_what_was_there() -> None:
    seed_everything(1)
    expected = torch.rand(2), np.random.random()
    seed_everything(1)
    with own_randomness():
        seed_everything(99)
    assert torch.equal(torch.rand(2), expected[0])
    assert np.random.random() == expected[1]


def test_a_case_that_cannot_be_read_is_a_clear_error(trainer, tmp_path: Path) -> None:
    class Broken:
        def generate_train_batch(self):
            raise RuntimeError("blosc2: cannot open case_1.b2nd")

    batches = SeededBatches({"train": SampleMaker(Broken(), SampleShare(1), None)}, 0)
    for workers in (0, 1):
        with pytest.raises(TrainingDataError, match=r"cannot open case_1\.b2nd.*nnUNetv2_preprocess"):
            list(serve(batches, [("train", 0)], workers=workers))
