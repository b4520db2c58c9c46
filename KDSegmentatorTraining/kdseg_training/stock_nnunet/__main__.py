"""``python -m kdseg_training.stock_nnunet SETTINGS.json``: see :mod:`kdseg_training.profiling.worker_loop`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from kdseg_training.profiling.json_data import from_data
from kdseg_training.profiling.worker_loop import Subject, serve
from kdseg_training.stock_nnunet.runner import StockRunner, StockSettings

THREADS_VARIABLE = "nnUNet_def_n_proc"
"""nnU-Net runs its network with at most so many threads; it reads the variable when it is imported."""


def open_stock(path: str) -> Subject:
    """Read the settings and return the runner."""
    settings = from_data(StockSettings, json.loads(Path(path).read_bytes()), path=path)
    os.environ[THREADS_VARIABLE] = str(settings.threads)
    return StockRunner(settings)


if __name__ == "__main__":
    serve(lambda: open_stock(sys.argv[1]))
