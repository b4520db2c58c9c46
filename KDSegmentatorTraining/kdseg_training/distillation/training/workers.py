"""Serve the batches in order, prepared by worker processes or in this one."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, Iterator, Optional, Sequence

import torch
from torch.utils.data import DataLoader

from kdseg.errors import DeviceMemoryError, TrainingDataError
from kdseg_training.distillation.training.batches import Batch, BatchKey, SeededBatches

MOST_WORKERS = 12
"""More processes than this never helped nnU-Net either."""


def default_workers(device: torch.device) -> int:
    """Return how many processes prepare batches: one where the CPU also trains, most cores where a GPU does."""
    cores = os.cpu_count() or 1
    if device.type == "cpu":
        return 1 if cores > 1 else 0
    return max(1, min(MOST_WORKERS, cores - 1))


def serve(batches: SeededBatches, keys: Sequence[BatchKey], *, workers: int, pin_memory: bool = False) -> Iterator[Batch]:
    """Yield the batches ``keys`` in this order.

    Parameters
    ----------
    batches
        Makes each of them.
    keys
        Which ones.
    workers
        Processes that prepare them ahead; 0: in this process, when asked. The batches are the same. Those made on a
        GPU are always made in this process.
    pin_memory
        Keep them ready for a copy to a GPU.

    Raises
    ------
    TrainingDataError
        If a case cannot be read.
    DeviceMemoryError
        If the system stopped a worker, which it does when memory runs out.
    """
    iterator = _iterator(batches, keys, 0 if batches.on_device else workers, pin_memory and not batches.on_device)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except (OSError, EOFError, KeyError, ValueError, IndexError, AssertionError, RuntimeError) as error:
            raise _readable(error) from error
        yield batch


def _iterator(batches: SeededBatches, keys: Sequence[BatchKey], workers: int, pin_memory: bool) -> Iterator[Batch]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*use of fork\\(\\) may lead to deadlocks.*")  # workers use one thread
        warnings.filterwarnings("ignore", message="This DataLoader will create .* worker processes")  # the user chose
        return iter(
            DataLoader(
                batches,
                batch_size=None,
                sampler=list(keys),
                num_workers=workers,
                collate_fn=_unchanged,
                pin_memory=pin_memory,
                prefetch_factor=3 if workers else None,
                multiprocessing_context=_context() if workers else None,
            )
        )


def _context() -> Optional[str]:
    return "fork" if sys.platform.startswith("linux") else None


def _unchanged(batch: Any) -> Any:
    return batch


def _readable(error: Exception) -> Exception:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if "DataLoader worker" in str(error) and "killed" in str(error):
        return DeviceMemoryError(
            "The system stopped a process that prepares batches, most likely because memory ran out.",
            found=lines[0][:200],
            remedy="Set workers to 0 or 1, or use a smaller batch_size; the last checkpoint can be resumed.",
        )
    return TrainingDataError(
        "A training case cannot be read or prepared.",
        expected="cases that nnUNetv2_preprocess wrote",
        found=lines[-1][:300],
        remedy="Run nnUNetv2_preprocess again for this data set and configuration.",
    )
