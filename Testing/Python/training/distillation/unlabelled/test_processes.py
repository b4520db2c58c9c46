"""Two processes that share batches with unlabelled cases train what one process trains, up to rounding."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
import yaml

from kdseg_testing.small_runs import small_run
from kdseg_testing.training_runs import final, run
from kdseg_training.distillation.training import checkpoints


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


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
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(shared.model_dump(mode="json", exclude_none=True)))
    shared_variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": "2",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "kdseg_training.cli", "distill", str(file)],
            env={**shared_variables, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ("0", "1")
    ]
    told = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    (path,) = (tmp_path / "shared").rglob(checkpoints.FINAL)
    for name, weight in final(alone)["network_weights"].items():
        two = torch.load(path, weights_only=True)["network_weights"][name]
        torch.testing.assert_close(two, weight, rtol=1e-4, atol=1e-6, msg=name)
