"""The same numbers as nnU-Net's own code, where it does the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from kdseg_testing.model_folder import build_network
from kdseg_testing.training_runs import make_trainer
from kdseg_training.distillation.losses import blocks
from kdseg_training.distillation.losses.dice_ce import DiceAndCrossEntropy
from kdseg_training.distillation.training.pseudo_dice import count_voxels, dice_of, mean_dice
from kdseg_training.distillation.training.step import to_device


@pytest.fixture
def pair(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A plain arm, and nnU-Net's own trainer with the same initial weights."""
    ours = make_trainer(settings(tmp_path, students=[{"name": "plain"}]))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "stock"))
    plans = {**ours.plans_manager.plans, "continue_training": False}
    stock = nnUNetTrainer(plans, "3d_fullres", 0, ours.dataset_json, torch.device("cpu"))
    stock.initialize()
    stock.network.load_state_dict(ours.network.state_dict())
    return ours, stock


@pytest.mark.parametrize("fewest_classes", [1, 16], ids=["loss in blocks", "loss as a whole"])
def test_a_step_is_nnunets_step(pair, fewest_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "FEWEST_CLASSES", fewest_classes)
    ours, stock = pair
    assert isinstance(ours.loss.loss, DiceAndCrossEntropy)
    batches = ours.make_batches()
    for epoch in range(2):
        ours.begin_epoch(epoch)
        stock.num_epochs = ours.num_epochs
        stock.lr_scheduler.max_steps = ours.num_epochs
        stock.lr_scheduler.step(epoch)
        batch = batches["train", epoch]
        loss = stock.train_step({"data": batch["data"].clone(), "target": [t.clone() for t in batch["target"]]})["loss"]
        before = ours.tally.losses.get("total", 0.0)
        ours.learn(to_device(batch, ours.device, ours.layout), None)
        assert ours.tally.losses["total"] - before == pytest.approx(float(loss), rel=1e-5)
    for name, weight in ours.network.state_dict().items():
        torch.testing.assert_close(weight, stock.network.state_dict()[name], rtol=1e-4, atol=1e-6, msg=name)


def test_validation_counts_and_loss_are_nnunets(pair) -> None:
    ours, stock = pair
    batch = ours.make_batches()["validation", 0]
    stock.network.eval()
    with torch.no_grad():
        expected = stock.validation_step({"data": batch["data"].clone(), "target": [t.clone() for t in batch["target"]]})
    ours.assess(to_device(batch, ours.device, ours.layout))
    for ours_count, name in zip(ours._counts[0], ("tp_hard", "fp_hard", "fn_hard"), strict=True):
        assert ours_count.tolist() == expected[name].tolist()
    assert ours._validation_losses[0] == pytest.approx(float(expected["loss"]), rel=1e-5)


class Labels:
    def __init__(self, *, regions: bool = False, ignore: int | None = None) -> None:
        self.has_regions, self.has_ignore_label, self.ignore_label = regions, ignore is not None, ignore


def test_counts_by_hand() -> None:
    """Four voxels: predicted 0 1 1 2, true 0 1 2 2."""
    logits = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [1, 2]]]), 3).movedim(-1, 1).float()
    target = torch.tensor([[[[0, 1], [2, 2]]]])
    tp, fp, fn = count_voxels(logits, target, Labels())
    assert (tp.tolist(), fp.tolist(), fn.tolist()) == ([1, 1], [1, 0], [0, 1])
    assert dice_of(tp, fp, fn) == [2 / 3, 2 / 3]


def test_ignored_voxels_do_not_count() -> None:
    logits = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [1, 1]]]), 2).movedim(-1, 1).float()
    target = torch.tensor([[[[0, 1], [9, 9]]]])
    tp, fp, fn = count_voxels(logits, target, Labels(ignore=9))
    assert (tp.tolist(), fp.tolist(), fn.tolist()) == ([1], [0], [0])


def test_regions_may_overlap() -> None:
    logits = torch.tensor([[[[5.0, 5.0, -5.0]], [[5.0, -5.0, -5.0]]]])
    target = torch.tensor([[[[1.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]]])  # the last map: ignore
    tp, fp, fn = count_voxels(logits, target, Labels(regions=True, ignore=3))
    assert (tp.tolist(), fp.tolist(), fn.tolist()) == ([1, 1], [1, 0], [0, 0])


def test_a_class_that_does_not_occur_does_not_lower_the_mean() -> None:
    dice = dice_of(*[torch.tensor(v, dtype=torch.float64).numpy() for v in ([1, 0], [1, 0], [0, 0])])
    assert dice[0] == 2 / 3
    assert dice[1] != dice[1]
    assert mean_dice(dice) == 2 / 3


def test_the_student_is_nnunets_network(settings, tmp_path: Path) -> None:
    ours = make_trainer(settings(tmp_path, students=[{"name": "plain", "factor": 2}]))
    stock = build_network(ours.plans_manager.plans, ours.dataset_json, "3d_fullres")
    assert {k: v.shape for k, v in ours.network.state_dict().items()} == {k: v.shape for k, v in stock.state_dict().items()}
