"""Training in several processes, as torchrun starts them, within a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import yaml

from kdseg_training.distillation.config import DistillationConfig

LIMIT_S = 600
"""Far beyond what a run of a few steps takes on a busy machine."""


def train_in_two(config: DistillationConfig, folder: Path, *arguments: str) -> str:
    """Run ``kdseg-training distill`` in two processes and return what they printed; see :func:`torchrun`."""
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    return torchrun("-m", "kdseg_training.cli", "distill", str(file), *arguments)


def torchrun(*program: str, limit_s: float = LIMIT_S) -> str:
    """Run a Python program in two processes and return what they printed.

    torchrun's own agent holds the store that the processes meet at, so no port is chosen before it is bound; and it ends one
    process when the other has failed. If all of it takes too long, every process says where it stands before it is ended.

    Raises
    ------
    AssertionError
        With the output, if a process failed or the limit was reached.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    variables = {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    process = subprocess.Popen(
        [*launcher, *program],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output = process.communicate(timeout=limit_s)[0]
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGABRT)  # PYTHONFAULTHANDLER prints the stacks
        process.send_signal(signal.SIGABRT)
        raise AssertionError(f"Not ended within {limit_s} s:\n{process.communicate()[0]}") from None
    assert process.returncode == 0, output
    return output
