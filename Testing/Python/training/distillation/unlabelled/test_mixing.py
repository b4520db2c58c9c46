"""Batches of labelled and unlabelled samples, and losses that know which is which."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from kdseg.errors import ConfigurationError
from kdseg_testing.small_runs import small_run
from kdseg_testing.training_runs import assert_same, make_trainer
from kdseg_training.distillation.loss_config import LogitsSpec, RegionAwareSpec
from kdseg_training.distillation.losses.composition import build_distillation_loss
from kdseg_training.distillation.outputs import LabelScheme, Outputs
from kdseg_training.distillation.training.batches import SampleShare, join_samples
from kdseg_training.distillation.training.patches import make_batches
from kdseg_training.distillation.training.step import SEGMENTATION, StudentStep, to_device
from kdseg_training.distillation.training.workers import serve
from kdseg_training.distillation.unlabelled.mixing import MixedSampleMaker

KEYS = [("train", number) for number in range(4)]
FOUR = SampleShare(4)


@pytest.fixture(scope="module")
def trainer(dataset, teacher_folder: Path, images: Path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixing")
    unlabelled = {"cases": folder / "cases", "images": images}
    return make_trainer(small_run(dataset, teacher_folder, folder / "results", unlabelled=unlabelled))


def stream(trainer, *, seed: int = 3, share: SampleShare = FOUR, unlabelled=True):
    extras = trainer.settings.extras.unlabelled if unlabelled else None
    return make_batches(trainer, seed=seed, share=share, mirror=True, unlabelled=extras)


def test_half_of_every_batch_is_unlabelled_and_has_no_target(trainer) -> None:
    seen = Counter()
    for key in KEYS:
        batch = stream(trainer)[key]
        assert batch["labelled"].tolist() == [True, False, True, False]
        assert [name.startswith("unlabelled/") for name in batch["keys"]] == [False, True, False, True]
        for head in batch["target"]:
            assert not head[1::2].any()
            assert head.shape[0] == 4
        seen.update(batch["keys"])
    assert (
        {"unlabelled/case_0", "unlabelled/scan_1"}
        <= set(seen)
        <= {"unlabelled/case_0", "unlabelled/scan_1", "case_0", "case_1", "case_2"}
    )
    assert "labelled" not in stream(trainer)["validation", 0]


def test_the_stream_is_a_function_of_seed_and_number(trainer) -> None:
    here = [stream(trainer)[key] for key in KEYS]
    assert_same(list(serve(stream(trainer), KEYS, workers=2)), here)
    assert_same(stream(trainer)[KEYS[2]], here[2])
    parts = [stream(trainer, share=SampleShare(4, rank, 2))[KEYS[1]] for rank in range(2)]
    assert_same(join_samples([{**part, "keys": part["keys"]} for part in parts]), here[1])
    other = stream(trainer, seed=4)[KEYS[0]]["data"]
    assert not torch.equal(other, here[0]["data"])


def test_labelled_samples_are_those_of_a_run_without_unlabelled_cases(trainer) -> None:
    """The sample at a place of the batch does not depend on what stands beside it."""
    mixed, plain = stream(trainer)["train", 0], stream(trainer, unlabelled=False)["train", 0]
    assert torch.equal(mixed["data"][0], plain["data"][0])
    assert "labelled" not in plain


class Loader:
    """Stands for nnU-Net's: says whether it was asked for foreground."""

    get_do_oversample = None

    def generate_train_batch(self):
        return {"data": torch.tensor([float(self.get_do_oversample(0))]), "target": torch.ones(1, 1), "keys": ["a"]}


def maker(size: int, share: float, *, rank: int = 0, world: int = 1, oversample: float = 0.33) -> MixedSampleMaker:
    return MixedSampleMaker(
        Loader(), Loader(), SampleShare(size, rank, world), oversample=oversample, companions={}, unlabelled_share=share
    )


@pytest.mark.parametrize(("size", "share"), [(2, 0.5), (3, 0.34), (5, 0.4), (12, 0.5), (12, 0.75), (7, 0.9)])
def test_the_share_is_spread_and_foreground_counts_among_the_labelled(size: int, share: float) -> None:
    batch = maker(size, share).batch(0, ("train", 0))
    number = round(size * share)
    assert int((~batch["labelled"]).sum()) == number
    forced = batch["data"][batch["labelled"]].tolist()
    labelled = size - number
    assert forced == [float(not i < round(labelled * (1 - 0.33))) for i in range(labelled)]
    assert not batch["data"][~batch["labelled"]].any()
    assert batch["target"].flatten().tolist() == batch["labelled"].float().tolist()
    places = torch.nonzero(~batch["labelled"]).flatten()
    gaps = torch.diff(places)
    assert len(gaps) == 0 or int(gaps.max() - gaps.min()) <= 1


@pytest.mark.parametrize(("size", "share", "world"), [(2, 0.2, 1), (2, 0.9, 1), (4, 0.5, 4), (6, 0.34, 3), (5, 0.4, 2)])
def test_a_batch_that_cannot_be_divided_is_refused(size: int, share: float, world: int) -> None:
    with pytest.raises(ConfigurationError, match=r"equally many.*batch_size or unlabelled.share"):
        maker(size, share, world=world)


def test_processes_have_equal_parts() -> None:
    parts = [maker(8, 0.5, rank=rank, world=4).batch(0, ("train", 0))["labelled"].tolist() for rank in range(4)]
    assert parts == [[True, False]] * 4


def outputs(seed: int, channels: int = 3) -> Outputs:
    generator = torch.Generator().manual_seed(seed)
    logits = [torch.randn(3, channels, 4, 4, 4, generator=generator)]
    mask = torch.rand(3, 1, 4, 4, 4, generator=generator)
    return Outputs(logits, {"encoder.stages.0": torch.randn(3, 2, 4, 4, 4, generator=generator)}, mask)


def test_terms_that_need_labels_see_labelled_samples_only() -> None:
    specs = [LogitsSpec(), RegionAwareSpec(stages=["encoder.stages.0"])]
    loss = build_distillation_loss(
        specs, LabelScheme(3, ignore_label=3), {"encoder.stages.0": 2}, {"encoder.stages.0": 2}, (1.0,)
    )
    student, teacher = outputs(0), outputs(1)
    target = [torch.randint(0, 3, (3, 1, 4, 4, 4), generator=torch.Generator().manual_seed(2)).float()]
    target[0][1] = 0
    labelled = torch.tensor([0, 2])
    total, parts = loss(student, teacher, target, progress=0.5, labelled=labelled)
    terms = dict(loss.terms.items())
    assert torch.equal(parts["logits"], terms["logits"](student, teacher, None))
    adapted = loss.adapters(student, ("encoder.stages.0",))
    alone = terms["region_aware"](adapted.samples(labelled), teacher.samples(labelled), [target[0][labelled]])
    assert torch.equal(parts["region_aware"], alone.detach())
    assert not torch.equal(parts["region_aware"], loss(student, teacher, target, progress=0.5)[1]["region_aware"])
    assert float(total.detach()) == pytest.approx(float(parts["logits"] + parts["region_aware"]), rel=1e-6)


def test_nnunets_loss_sees_labelled_samples_only(trainer) -> None:
    batch = to_device(stream(trainer)["train", 0], torch.device("cpu"), torch.contiguous_format)
    assert batch.labelled is not None
    assert batch.labelled.tolist() == [0, 2]
    chosen = [head[batch.labelled] for head in batch.target]
    teacher = trainer.settings.teacher(batch.data)
    for distillation in (trainer.distillation, None):
        step = StudentStep(trainer.network, trainer.loss, distillation, deep_supervision=True)
        _, mixed = step(batch.data, batch.target, teacher, 0.0, batch.labelled)
        _, alone = StudentStep(trainer.network, trainer.loss, None, deep_supervision=True)(
            batch.data[batch.labelled], chosen, None, 0.0
        )
        assert float(mixed[SEGMENTATION]) == pytest.approx(float(alone[SEGMENTATION]), rel=1e-6)


def test_a_batch_of_labelled_samples_only_needs_no_choice() -> None:
    batch = {"data": torch.zeros(2, 1, 2, 2, 2), "labelled": torch.tensor([True, True])}
    assert to_device(batch, torch.device("cpu"), torch.contiguous_format).labelled is None
