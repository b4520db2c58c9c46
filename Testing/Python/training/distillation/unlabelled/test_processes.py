"""Two processes that share batches with unlabelled cases train what one process trains, up to rounding."""

from __future__ import annotations

from pathlib import Path

import torch

from kdseg_testing.ranks import train_in_two
from kdseg_testing.small_runs import small_run
from kdseg_testing.training_runs import final, run
from kdseg_training.distillation.training import checkpoints


def test_two_processes_equal_one(dataset, teacher_folder: Path, images: Path, tmp_path: Path) -> None:
    """Each process makes one labelled and one unlabelled sample; the first one prepares the images for both."""
    config = small_run(
        dataset,
        teacher_folder,
        tmp_path / "alone",
        unlabelled={"cases": tmp_path / "cases", "images": images},
        budget={"epochs": 1, "iterations": 2, "batch_size": 4},
    )
    alone = run(config)
    moved = config.unlabelled.model_copy(update={"cases": tmp_path / "other_cases"})
    shared = config.model_copy(update={"results": tmp_path / "shared", "unlabelled": moved})
    train_in_two(shared, tmp_path)
    (path,) = (tmp_path / "shared").rglob(checkpoints.FINAL)
    for name, weight in final(alone)["network_weights"].items():
        two = torch.load(path, weights_only=True)["network_weights"][name]
        torch.testing.assert_close(two, weight, rtol=1e-4, atol=1e-6, msg=name)
