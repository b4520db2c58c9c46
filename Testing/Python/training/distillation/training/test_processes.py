"""Two processes that share a batch train what one process trains, up to rounding."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kdseg.errors import ConfigurationError
from kdseg_testing.ranks import torchrun, train_in_two
from kdseg_testing.training_runs import final, make_trainer, run
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.processes import Processes, current_processes

STUDENTS = [{"name": "features", "factor": 2, "method": "B"}, {"name": "logits", "factor": 2, "method": "A"}]
"""Adapters outside the network must be averaged too."""

ROUNDS = """
import functools, os, pathlib, sys
import numpy, torch
from torch import distributed, nn
from kdseg_training.distillation.training.processes import torchrun_processes

join, rank = distributed.init_process_group, int(os.environ["RANK"])
for number in range(30):
    store = f"file://{sys.argv[1]}/{number}"
    distributed.init_process_group = functools.partial(join, init_method=store, rank=rank, world_size=2)
    with torchrun_processes("cpu") as processes:
        module = processes.wrap(nn.Linear(3, 3), torch.device("cpu"))
        module(torch.ones(2, 3)).sum().backward()
        processes.sum(numpy.ones(4))
    assert not hasattr(module, "reducer")  # this module lives until the next round has made its own
pathlib.Path(sys.argv[1], f"left_{rank}").touch()
"""


@pytest.fixture
def batch_dice_plans(dataset) -> str:
    """Plans whose Dice is that of the whole batch: the processes must exchange their sums."""
    plans = json.loads((dataset.preprocessed / "nnUNetPlans.json").read_text())
    plans["configurations"]["3d_fullres"]["batch_dice"] = True
    plans["plans_name"] = "batchDicePlans"
    (dataset.preprocessed / "batchDicePlans.json").write_text(json.dumps(plans))
    return "batchDicePlans"


def test_two_processes_equal_one(settings, tmp_path: Path, batch_dice_plans: str) -> None:
    changes = {
        "students": STUDENTS,
        "plans": batch_dice_plans,
        "budget": {"batch_size": 4, "epochs": 2, "iterations": 2, "ema_decay": 0.9},
    }
    alone = run(settings(tmp_path / "alone", **changes))
    shared = settings(tmp_path / "shared", **changes, threads=1)
    told = train_in_two(shared, tmp_path)
    for number, student in enumerate(STUDENTS):
        (path,) = (tmp_path / "shared").rglob(f"{student['name']}__*/fold_0/{checkpoints.FINAL}")
        two, one = torch.load(path, weights_only=True), final(alone, number)
        for name, weight in one["network_weights"].items():
            torch.testing.assert_close(two["network_weights"][name], weight, rtol=1e-4, atol=1e-6, msg=name)
        for name, weight in one[checkpoints.OWN_KEY]["adapters"].items():
            torch.testing.assert_close(two[checkpoints.OWN_KEY]["adapters"][name], weight, rtol=1e-4, atol=1e-6, msg=name)
        rows = [
            list(csv.DictReader((p.parent / "training.csv").read_text().splitlines()))
            for p in (path, alone.students[number].checkpoint)
        ]
        for a, b in zip(*rows, strict=True):
            for column in ("loss_total", "loss_validation", "pseudo_dice_mean"):
                assert float(a[column]) == pytest.approx(float(b[column]), rel=1e-3, nan_ok=True)
    assert told.count("features epoch 2") == 1


def test_the_group_is_left_while_somebody_still_holds_a_module_of_it(tmp_path: Path) -> None:
    """Freed the other way round, reducer last, the interpreter lock and gloo's threads block each other every now and then."""
    script = tmp_path / "rounds.py"
    script.write_text(ROUNDS, encoding="utf-8")
    torchrun(str(script), str(tmp_path), limit_s=240)
    assert sorted(path.name for path in tmp_path.glob("left_*")) == ["left_0", "left_1"]


def test_one_process_is_its_own_group() -> None:
    alone = current_processes()
    assert (alone.rank, alone.world, alone.is_first) == (0, 1, True)
    assert alone.sum(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert alone.any(True, False) == [True, False]


@pytest.mark.parametrize(("patches", "processes"), [(2, 3), (3, 2)])
def test_processes_that_cannot_share_a_batch_evenly_are_refused(settings, tmp_path: Path, patches: int, processes: int) -> None:
    trainer = make_trainer(settings(tmp_path, budget={"batch_size": patches}))
    trainer.processes = Processes(rank=0, world=processes, local_rank=0)
    with pytest.raises(ConfigurationError, match=f"{patches} patches, {processes} processes"):
        trainer._set_batch_size_and_oversample()


class OneOfTwo(Processes):
    """The first of two processes; the other one has three times its numbers."""

    def sum(self, values: np.ndarray) -> np.ndarray:
        return values + 3 * values


def test_a_checkpoint_holds_the_losses_of_all_processes(settings, tmp_path: Path) -> None:
    """Of whichever process they were, all of them continue the epoch with these."""
    trainer = make_trainer(settings(tmp_path))
    trainer.processes = OneOfTwo(rank=0, world=2, local_rank=0)
    trainer.tally.add_losses({"total": 1.0, "segmentation": 0.5})
    trainer.save_checkpoint(str(tmp_path / checkpoints.LATEST))
    stored = checkpoints.load(tmp_path / checkpoints.LATEST)[checkpoints.OWN_KEY]["tally"]
    assert stored["losses"] == {"total": 2.0, "segmentation": 1.0}
    assert trainer.tally.losses == {"total": 1.0, "segmentation": 0.5}
