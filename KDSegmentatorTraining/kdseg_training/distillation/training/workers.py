"""Serve the batches in order, prepared by worker processes or in this one."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, Iterator, Optional, Sequence, Union

import torch
from torch.utils.data import DataLoader, Dataset

from kdseg.errors import DeviceMemoryError, KDSegError, TrainingError
from kdseg_training.distillation.training.batches import Batch, BatchKey, SeededBatches
from kdseg_training.distillation.training.named_cases import PREPARATION_ERRORS, lacks_memory, too_little_memory, unreadable

MOST_WORKERS = 12
"""More processes than this never helped nnU-Net either."""

Outcome = Union[Batch, KDSegError]


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
        If memory runs out; also if the system stopped a worker, which it does then.
    TrainingError
        If a worker ended in another way.
    """
    iterator = _iterator(batches, keys, 0 if batches.on_device else workers, pin_memory and not batches.on_device)
    while True:
        try:
            outcome = next(iterator)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" in str(error):
                raise _ended(error) from error
            raise
        if isinstance(outcome, KDSegError):
            raise outcome
        yield outcome


class _Outcomes(Dataset["Outcome"]):
    """Gives batches, or in place of one the error that says why there is none.

    Torch itself carries only the text of an error out of a process, with the traceback in it.
    """

    def __init__(self, batches: SeededBatches) -> None:
        self._batches = batches

    def __getitem__(self, key: BatchKey) -> Outcome:
        try:
            return self._batches[key]
        except KDSegError as error:
            return error
        except torch.OutOfMemoryError:
            raise  # of a GPU, in this process; the training names it
        except (*PREPARATION_ERRORS, MemoryError) as error:
            return too_little_memory(error) if lacks_memory(error) else unreadable(error)


def _iterator(batches: SeededBatches, keys: Sequence[BatchKey], workers: int, pin_memory: bool) -> Iterator[Outcome]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*use of fork\\(\\) may lead to deadlocks.*")  # workers use one thread
        warnings.filterwarnings("ignore", message="This DataLoader will create .* worker processes")  # the user chose
        return iter(
            DataLoader(
                _Outcomes(batches),
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


def _ended(error: RuntimeError) -> TrainingError:
    found = next((line.strip() for line in str(error).splitlines() if "DataLoader worker" in line), "")[:200]
    if "killed" in found:
        return DeviceMemoryError(
            "The system stopped a process that prepares batches, most likely because memory ran out.",
            found=found,
            remedy="Set workers to 0 or 1, or use a smaller batch_size; the last checkpoint can be resumed.",
        )
    return TrainingError(
        "A process that prepares batches ended without saying why.",
        found=found,
        remedy="Set workers to 0 to see why; the last checkpoint can be resumed.",
    )
